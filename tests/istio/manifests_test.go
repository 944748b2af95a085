// Package istio gives the manifests of envoy/istio to Istio's own code: its validators, and istiod as a library, which
// says what each proxy would get. No cluster, no process, no network.
//
// This file reads the manifests and makes what a cluster would add to them. What is asked of the result is in proxies_test.go.
package istio

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config/constants"
	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/util/protomarshal"
)

const folder = "../../envoy/istio"

// Which of the two resources loads the module; never both.
const (
	extensions = "traffic-extension"
	plugins    = "wasm-plugin"
)

// The address of each workload's pod.
var addresses = map[string]string{"edge": "10.0.0.1", "resizer": "10.0.0.2", "gate": "10.0.0.3"}

// istiod says much about a cluster that is none; what counts is said by the tests.
func TestMain(m *testing.M) {
	for _, scope := range log.Scopes() {
		scope.SetOutputLevel(log.NoneLevel)
	}
	os.Exit(m.Run())
}

// One document of a manifest.
type document struct {
	file   string
	text   string
	parsed map[string]any
}

func (d document) kind() string { return d.parsed["kind"].(string) }

func (d document) isBuiltIn() bool {
	version := d.parsed["apiVersion"].(string)
	return version == "v1" || version == "apps/v1" || version == "networking.k8s.io/v1"
}

// manifests reads all files but those of the other way to load the module.
func manifests(t *testing.T, way string) []document {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(files) < 8 {
		t.Fatalf("%d files in %s: %v", len(files), folder, err)
	}
	other := map[string]string{extensions: plugins, plugins: extensions}[way]
	var found []document
	for _, file := range files {
		if strings.Contains(file, other) {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range bytes.Split(text, []byte("\n---\n")) {
			parsed := map[string]any{}
			if err := yaml.Unmarshal(part, &parsed); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			found = append(found, document{filepath.Base(file), string(part), parsed})
		}
	}
	return found
}

// policy is the pluginConfig of a role's manifest, as written.
func policy(t *testing.T, role string) map[string]any {
	t.Helper()
	for _, d := range manifests(t, plugins) {
		if d.file == role+"-"+plugins+".yaml" {
			return d.parsed["spec"].(map[string]any)["pluginConfig"].(map[string]any)
		}
	}
	t.Fatalf("no policy of %s", role)
	return nil
}

// What the deployments would make: a pod each, and the endpoints of its service.
const pod = `
apiVersion: v1
kind: Pod
metadata: { name: NAME, namespace: images, labels: { app: NAME, security.istio.io/tlsMode: istio } }
spec: { serviceAccountName: NAME, containers: [{ name: istio-proxy, ports: [{ containerPort: PORT }] }] }
status: { podIP: ADDRESS, phase: Running, conditions: [{ type: Ready, status: "True" }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: NAME, namespace: images, labels: { kubernetes.io/service-name: NAME } }
addressType: IPv4
endpoints: [{ addresses: [ADDRESS], targetRef: { kind: Pod, name: NAME, namespace: images }, conditions: { ready: true } }]
ports: [{ name: SERVICE, port: PORT }]
`

// istiod serves the manifests, with one of the two ways to load the module.
func istiod(t *testing.T, way string) *xds.FakeDiscoveryServer {
	t.Helper()
	var configs, objects []string
	for _, d := range manifests(t, way) {
		switch {
		case !d.isBuiltIn():
			configs = append(configs, d.text)
		case d.kind() == "Service":
			objects = append(objects, d.text)
		}
	}
	for name, address := range addresses {
		port, service := "8080", "http"
		if name == "edge" {
			port, service = "8443", "https"
		}
		objects = append(objects, strings.NewReplacer("NAME", name, "ADDRESS", address, "PORT", port, "SERVICE", service).Replace(pod))
	}
	return xds.NewFakeDiscoveryServer(t, xds.FakeOptions{
		ConfigString:           strings.Join(configs, "\n---\n"),
		KubernetesObjectString: strings.Join(objects, "\n---\n"),
	})
}

// settings is what a workload's own annotation says about its proxy.
func settings(t *testing.T, name string) *model.NodeMetaProxyConfig {
	t.Helper()
	for _, d := range manifests(t, extensions) {
		if d.kind() != "Deployment" || d.parsed["metadata"].(map[string]any)["name"] != name {
			continue
		}
		template := d.parsed["spec"].(map[string]any)["template"].(map[string]any)["metadata"].(map[string]any)
		text := template["annotations"].(map[string]any)["proxy.istio.io/config"].(string)
		found := &meshconfig.ProxyConfig{}
		if err := protomarshal.ApplyYAMLStrict(text, found); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return (*model.NodeMetaProxyConfig)(found)
	}
	t.Fatalf("no deployment %s", name)
	return nil
}

// proxy is the Envoy of a workload.
func proxy(t *testing.T, s *xds.FakeDiscoveryServer, name string) *model.Proxy {
	t.Helper()
	kind := model.Router
	if name == "resizer" {
		kind = model.SidecarProxy
	}
	labels := map[string]string{"app": name}
	return s.SetupProxy(&model.Proxy{
		Type:            kind,
		ID:              name + ".images",
		ConfigNamespace: "images",
		IPAddresses:     []string{addresses[name]},
		Labels:          labels,
		Metadata: &model.NodeMetadata{
			Namespace: "images", Labels: labels, ServiceAccount: name, IstioVersion: "1.31.0",
			ClusterID: constants.DefaultClusterName, ProxyConfig: settings(t, name),
		},
	})
}
