// What the API server and istiod's webhook say of each manifest, by their own code, and of wrong ones.
package istio

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	crds "istio.io/istio/pkg/config/crd"
)

// The definitions that Istio ships with this very code.
func validator(t *testing.T) *crds.Validator {
	t.Helper()
	directory, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/istio").Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(strings.TrimSpace(string(directory)), "manifests", "charts", "base", "files", "crd-all.gen.yaml")
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
	found, err := crds.NewValidatorFromFiles(file)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// What the API server checks, by its own code: structure, unknown keys, rules.
func TestTheAPIServerTakesEachManifest(t *testing.T) {
	check, count := validator(t), 0
	for _, way := range []string{extensions, plugins} {
		for _, d := range manifests(t, way) {
			if d.isBuiltIn() {
				continue
			}
			count++
			if err := check.ValidateCustomResourceYAML(d.text, nil); err != nil {
				t.Errorf("%s: %v", d.file, err)
			}
		}
	}
	if count < 30 {
		t.Errorf("only %d documents", count)
	}
}

// What istiod's webhook checks beyond that.
func TestIstioTakesEachManifest(t *testing.T) {
	for _, way := range []string{extensions, plugins} {
		for _, d := range manifests(t, way) {
			if d.isBuiltIn() {
				continue
			}
			read, others, err := crd.ParseInputs(d.text)
			if err != nil || len(read) != 1 || len(others) != 0 {
				t.Errorf("%s: %d read, %d unknown: %v", d.file, len(read), len(others), err)
			}
		}
	}
}

func TestBothRefuseWhatIsWrong(t *testing.T) {
	check := validator(t)
	byAPIServer := func(text string) error { return check.ValidateCustomResourceYAML(text, nil) }
	byIstio := func(text string) error {
		_, _, err := crd.ParseInputs(text)
		return err
	}
	for _, bad := range []struct {
		file, old, new string
		by             func(string) error
	}{
		{"edge-wasm-plugin.yaml", "failStrategy: FAIL_CLOSE", "failstrategy: FAIL_CLOSE", byAPIServer},
		{"edge-wasm-plugin.yaml", "failStrategy: FAIL_CLOSE", "failStrategy: FAIL_CLOSED", byAPIServer},
		{"edge-wasm-plugin.yaml", "imagePullPolicy:", "sha256: sha256:0\n  imagePullPolicy:", byAPIServer},
		{"edge-wasm-plugin.yaml", "IMGPROXY_KEY, valueFrom: HOST", "IMGPROXY_KEY, valueFrom: HOST, value: x", byAPIServer},
		{"edge-wasm-plugin.yaml", "url: oci://", "url: ftp://", byAPIServer},
		{"edge-wasm-plugin.yaml", "  selector:", "  targetRefs: [{ kind: Gateway, group: gateway.networking.k8s.io, name: x }]\n  selector:", byAPIServer},
		{"edge-traffic-extension.yaml", "  wasm:", "  lua: { inlineCode: x }\n  wasm:", byAPIServer},
		{"edge.yaml", "reset-before-request", "reset-before-answer", byIstio},
		{"edge.yaml", "status: 404", "status: 4040", byIstio},
		{"gate.yaml", "resolution: DNS", "resolution: NONE\n  endpoints: [{ address: 203.0.113.1 }]", byIstio},
	} {
		found := false
		for _, way := range []string{extensions, plugins} {
			for _, d := range manifests(t, way) {
				if d.file != bad.file || !strings.Contains(d.text, bad.old) || found {
					continue
				}
				found = true
				if err := bad.by(strings.Replace(d.text, bad.old, bad.new, 1)); err == nil {
					t.Errorf("%s: %q is taken", bad.file, bad.new)
				}
			}
		}
		if !found {
			t.Errorf("%s has no %q", bad.file, bad.old)
		}
	}
}
