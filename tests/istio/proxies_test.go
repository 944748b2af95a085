// What istiod makes of the manifests for each proxy: where the filter stands, what it is told, where requests go, with
// which certificates, and who is let in.
package istio

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	wasm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	wasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"istio.io/istio/pilot/pkg/model"
	v3 "istio.io/istio/pilot/pkg/xds/v3"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pilot/test/xdstest"
	"istio.io/istio/pkg/util/sets"
)

const (
	resizer = "outbound|80||resizer.images.svc.cluster.local"
	gate    = "outbound|80||gate.images.svc.cluster.local"
	origin  = "outbound|443||secret.example.com"
	header  = "x-pinhole-cluster"
)

// manager is the HTTP part of the only listener of a gateway that visitors or the resizer reach.
func manager(t *testing.T, s *xds.FakeDiscoveryServer, name, address string) (*listener.Listener, *hcm.HttpConnectionManager) {
	t.Helper()
	found := xdstest.ExtractListener(address, s.Listeners(proxy(t, s, name)))
	if found == nil {
		t.Fatalf("%s has no listener %s: %v", name, address, xdstest.ExtractListenerNames(s.Listeners(proxy(t, s, name))))
	}
	if len(found.FilterChains) != 1 {
		t.Fatalf("%d filter chains", len(found.FilterChains))
	}
	return found, xdstest.ExtractHTTPConnectionManager(t, found.FilterChains[0])
}

func names(filters []*hcm.HttpFilter) []string {
	var all []string
	for _, filter := range filters {
		all = append(all, filter.Name)
	}
	return all
}

// The filter comes after Istio's own checks, and nothing but statistics and the like between it and the router.
func TestThePluginComesAfterIstiosOwnChecks(t *testing.T) {
	for _, way := range []string{extensions, plugins} {
		s := istiod(t, way)
		for name, address := range map[string]string{"edge": "0.0.0.0_8443", "gate": "0.0.0.0_8080"} {
			_, http := manager(t, s, name, address)
			dump(t, name+"-manager", http)
			all := names(http.HttpFilters)
			place := slices.IndexFunc(all, func(other string) bool { return strings.HasPrefix(other, "extensions.istio.io/") })
			if place < 0 {
				t.Fatalf("%s, %s: no plugin in %v", way, name, all)
			}
			for index, other := range all {
				isCheck := strings.Contains(other, "rbac") || strings.Contains(other, "authn") || strings.Contains(other, "jwt")
				if isCheck && index > place {
					t.Errorf("%s, %s: %s comes after the plugin: %v", way, name, other, all)
				}
			}
			if !slices.Contains(all[:place], "envoy.filters.http.rbac") {
				t.Errorf("%s, %s: no AuthorizationPolicy before the plugin: %v", way, name, all)
			}
			if all[len(all)-1] != "envoy.filters.http.router" {
				t.Errorf("%s, %s: %v", way, name, all)
			}
			discovery := http.HttpFilters[place].GetConfigDiscovery()
			if discovery.GetApplyDefaultConfigWithoutWarming() || discovery.GetDefaultConfig() != nil {
				t.Errorf("%s, %s: something else stands in where the plugin is absent: %v", way, name, discovery)
			}
		}
	}
}

// extension is what istiod sends of a role's module.
func extension(t *testing.T, s *xds.FakeDiscoveryServer, name, address string) (string, *wasmv3.PluginConfig) {
	t.Helper()
	_, http := manager(t, s, name, address)
	var wanted []string
	for _, other := range names(http.HttpFilters) {
		if strings.HasPrefix(other, "extensions.istio.io/") {
			wanted = append(wanted, other)
		}
	}
	generator := s.Discovery.Generators[v3.ExtensionConfigurationType]
	request := &model.PushRequest{Forced: true, Push: s.PushContext()}
	found, _, err := generator.Generate(proxy(t, s, name), &model.WatchedResource{ResourceNames: sets.New(wanted...)}, request)
	if err != nil || len(found) != 1 || len(wanted) != 1 {
		t.Fatalf("%s: %d extensions of %v: %v", name, len(found), wanted, err)
	}
	typed, filter := &core.TypedExtensionConfig{}, &wasm.Wasm{}
	if err := found[0].Resource.UnmarshalTo(typed); err != nil {
		t.Fatal(err)
	}
	if err := typed.TypedConfig.UnmarshalTo(filter); err != nil {
		t.Fatal(err)
	}
	return typed.Name, filter.Config
}

func TestTheModuleAndItsPolicyArriveAsWritten(t *testing.T) {
	variables := map[string][]string{
		"edge": {"IMGPROXY_KEY", "IMGPROXY_SALT", "PINHOLE_SEAL_KEY"},
		"gate": {"PHOTOS_TOKEN", "PINHOLE_SEAL_KEY"},
	}
	placeholders := map[string][]string{"edge": {"PHOTOS_TOKEN"}, "gate": {"IMGPROXY_KEY", "IMGPROXY_SALT"}}
	image := "oci://registry.example.com/pinhole@sha256:" + strings.Repeat("0", 64)
	for name, address := range map[string]string{"edge": "0.0.0.0_8443", "gate": "0.0.0.0_8080"} {
		sent := map[string]*wasmv3.PluginConfig{}
		for _, way := range []string{extensions, plugins} {
			title, plugin := extension(t, istiod(t, way), name, address)
			t.Logf("%s by %s", title, way)
			sent[way] = plugin
			if plugin.RootId != name || plugin.FailurePolicy != wasmv3.FailurePolicy_FAIL_CLOSED {
				t.Errorf("%s: root_id %s, %s", way, plugin.RootId, plugin.FailurePolicy)
			}
			if got := plugin.GetVmConfig().GetCode().GetRemote().GetHttpUri().GetUri(); got != image {
				t.Errorf("%s: image %s", way, got)
			}
			got := plugin.GetVmConfig().GetEnvironmentVariables().GetHostEnvKeys()
			slices.Sort(got)
			if !slices.Equal(got, variables[name]) {
				t.Errorf("%s: variables of the host %v", way, got)
			}
			text := &wrapperspb.StringValue{}
			if err := plugin.Configuration.UnmarshalTo(text); err != nil {
				t.Fatalf("%s: the policy is not text: %v", way, err)
			}
			arrived := map[string]any{}
			if err := json.Unmarshal([]byte(text.Value), &arrived); err != nil {
				t.Fatal(err)
			}
			if want := policy(t, name); !reflect.DeepEqual(arrived, want) {
				t.Errorf("%s: the policy is another one:\n%s", way, text.Value)
			}
			written := plugin.GetVmConfig().GetEnvironmentVariables().GetKeyValues()
			// For the agent, which takes them out; the second is a date here.
			delete(written, "ISTIO_META_WASM_IMAGE_PULL_POLICY")
			delete(written, "ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION")
			inline := slices.Sorted(maps.Keys(written))
			if want := placeholders[name]; !slices.Equal(inline, want) {
				t.Errorf("%s: variables that are written down %v", way, inline)
			}
			dump(t, name+"-plugin", plugin)
		}
		for _, plugin := range sent {
			plugin.Name = ""
		}
		if !proto.Equal(sent[extensions], sent[plugins]) {
			t.Errorf("%s: the two ways differ:\n%v\n%v", name, sent[extensions], sent[plugins])
		}
	}
}

// routes is the only route configuration of a gateway's listener.
func routes(t *testing.T, s *xds.FakeDiscoveryServer, name, address string) *route.RouteConfiguration {
	t.Helper()
	_, http := manager(t, s, name, address)
	all := xdstest.ExtractRouteConfigurations(s.Routes(proxy(t, s, name)))
	found := all[http.GetRds().GetRouteConfigName()]
	if found == nil {
		t.Fatalf("%s: no routes %s", name, http.GetRds().GetRouteConfigName())
	}
	return found
}

func TestOnlyMarkedRequestsGoOnAndTheMarkGoesNoFurther(t *testing.T) {
	s := istiod(t, extensions)
	for _, role := range []struct{ name, address, host, mark, cluster, authority string }{
		{"edge", "0.0.0.0_8443", "img.example.com", "resizer", resizer, "resizer.images.svc.cluster.local"},
		{"gate", "0.0.0.0_8080", "secret.example.com", "photos", origin, ""},
	} {
		configuration := routes(t, s, role.name, role.address)
		dump(t, role.name+"-routes", configuration)
		if len(configuration.VirtualHosts) != 1 {
			t.Fatalf("%s: %v", role.name, xdstest.ExtractVirtualHosts(configuration))
		}
		host := configuration.VirtualHosts[0]
		// This is why the edge keeps the visitor's host: no virtual host stands for all of them.
		for _, domain := range host.Domains {
			if domain != role.host && !strings.HasPrefix(domain, role.host+":") {
				t.Errorf("%s: serves %s", role.name, domain)
			}
		}
		if len(host.Routes) != 2 {
			t.Fatalf("%s: %d routes", role.name, len(host.Routes))
		}
		first, last := host.Routes[0], host.Routes[1]
		match := first.Match.Headers
		if len(match) != 1 || match[0].Name != header || match[0].GetStringMatch().GetExact() != role.mark {
			t.Errorf("%s: the first route matches %v", role.name, first.Match)
		}
		if !slices.Contains(first.RequestHeadersToRemove, header) {
			t.Errorf("%s: the mark goes on", role.name)
		}
		action := first.GetRoute()
		if action.GetCluster() != role.cluster || action.GetHostRewriteLiteral() != role.authority {
			t.Errorf("%s: leads to %s as %s", role.name, action.GetCluster(), action.GetHostRewriteLiteral())
		}
		if !strings.Contains(action.GetRetryPolicy().GetRetryOn(), "reset-before-request") {
			t.Errorf("%s: tries again on %s", role.name, action.GetRetryPolicy().GetRetryOn())
		}
		if last.GetDirectResponse().GetStatus() != 404 || len(last.Match.Headers) != 0 {
			t.Errorf("%s: the last route is %v", role.name, last)
		}
	}
}

// upstream is what a cluster's connections are secured with.
func upstream(t *testing.T, found *cluster.Cluster) *tls.UpstreamTlsContext {
	t.Helper()
	context := &tls.UpstreamTlsContext{}
	socket := found.GetTransportSocket()
	if socket == nil && len(found.GetTransportSocketMatches()) > 0 {
		socket = found.GetTransportSocketMatches()[0].TransportSocket
	}
	if socket == nil {
		t.Fatalf("%s is in the clear", found.Name)
	}
	if err := socket.GetTypedConfig().UnmarshalTo(context); err != nil {
		t.Fatalf("%s: %v", found.Name, err)
	}
	return context
}

func TestConnectionsAreSecuredAndNameWhomTheyMean(t *testing.T) {
	s := istiod(t, extensions)
	of := func(name string) map[string]*cluster.Cluster {
		return xdstest.ExtractClusters(s.Clusters(proxy(t, s, name)))
	}
	for name, wanted := range map[string]string{"edge": resizer, "resizer": gate, "gate": origin} {
		if of(name)[wanted] == nil {
			t.Fatalf("%s has no cluster %s: %v", name, wanted, xdstest.MapKeys(of(name)))
		}
		dump(t, name+"-cluster", of(name)[wanted])
	}
	outside := upstream(t, of("gate")[origin])
	if outside.Sni != "secret.example.com" {
		t.Errorf("the origin is asked as %s", outside.Sni)
	}
	trusted := outside.CommonTlsContext.GetCombinedValidationContext().GetDefaultValidationContext()
	// The older of two fields for it, which is what istiod writes.
	names := trusted.GetMatchSubjectAltNames()
	if len(names) != 1 || names[0].GetExact() != "secret.example.com" {
		t.Errorf("the origin's certificate is taken for %v", trusted)
	}
	if len(outside.CommonTlsContext.GetTlsCertificateSdsSecretConfigs()) != 0 {
		t.Error("the origin is shown the mesh's certificate")
	}
	for name, wanted := range map[string]string{"edge": resizer, "resizer": gate} {
		inside := upstream(t, of(name)[wanted]).CommonTlsContext
		if len(inside.GetTlsCertificateSdsSecretConfigs()) != 1 {
			t.Errorf("%s shows no certificate to %s", name, wanted)
		}
	}
	if sni := upstream(t, of("resizer")[gate]).Sni; sni != "gate.images.svc.cluster.local" {
		t.Errorf("the gate is asked as %s", sni)
	}
}

func TestTheResizerKnowsTheGateAndNobodyElse(t *testing.T) {
	s := istiod(t, extensions)
	for name := range xdstest.ExtractClusters(s.Clusters(proxy(t, s, "resizer"))) {
		if strings.HasPrefix(name, "outbound|") && name != gate {
			t.Errorf("it knows %s", name)
		}
	}
	for name, configuration := range xdstest.ExtractRouteConfigurations(s.Routes(proxy(t, s, "resizer"))) {
		for _, host := range configuration.VirtualHosts {
			for _, one := range host.Routes {
				if to := one.GetRoute().GetCluster(); !strings.HasPrefix(name, "inbound") && to != gate && to != "" && to != "BlackHoleCluster" {
					t.Errorf("%s leads to %s", name, to)
				}
			}
		}
	}
}

// Whom the AuthorizationPolicies let in.
func TestEachDoorOpensForOneParty(t *testing.T) {
	s := istiod(t, extensions)
	text := func(name string) string {
		var all []string
		for _, one := range s.Listeners(proxy(t, s, name)) {
			all = append(all, protojson.Format(one))
		}
		return strings.Join(all, "\n")
	}
	for name, principal := range map[string]string{"resizer": "sa/edge", "gate": "sa/resizer"} {
		for _, other := range []string{"sa/edge", "sa/resizer", "sa/gate"} {
			if got := strings.Contains(text(name), "ns/images/"+other); got != (other == principal) {
				t.Errorf("%s lets %s in: %v", name, other, got)
			}
		}
	}
}

// The gate takes nobody who shows no certificate of the mesh.
func TestTheGateAsksForACertificate(t *testing.T) {
	found, _ := manager(t, istiod(t, extensions), "gate", "0.0.0.0_8080")
	context := &tls.DownstreamTlsContext{}
	if err := found.FilterChains[0].GetTransportSocket().GetTypedConfig().UnmarshalTo(context); err != nil {
		t.Fatal(err)
	}
	if !context.GetRequireClientCertificate().GetValue() {
		t.Error("it does not")
	}
}

// dump writes what istiod made, for `load.py` and `serve.py`.
func dump(t *testing.T, name string, message proto.Message) {
	t.Helper()
	directory := os.Getenv("DUMP")
	if directory == "" {
		return
	}
	text, err := protojson.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(directory, name+".json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
}
