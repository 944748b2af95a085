// Does what Istio's agent does with a filter that istiod sends it, with Istio's own code: it fetches the module from its
// registry into a cache, and rewrites the filter to name the file; or, if that fails, puts an RBAC filter in its place.
//
// Reads a DiscoveryResponse as JSON, with filters that name images, and writes the one that the agent would give to Envoy.
// What does not belong here: what is right or wrong. tests/live/test_agent.py knows that.
package main

import (
	"flag"
	"io"
	"log"
	"os"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/encoding/protojson"
	_ "google.golang.org/protobuf/types/known/wrapperspb" // policies are StringValues
	istiolog "istio.io/istio/pkg/log"
	"istio.io/istio/pkg/wasm"
)

func main() {
	log.SetFlags(0)
	directory := flag.String("cache", "", "where modules are kept")
	flag.Parse()
	if err := convert(*directory, os.Stdin, os.Stdout); err != nil {
		log.Fatalf("agent: %v", err)
	}
}

func convert(directory string, in io.Reader, out io.Writer) error {
	options := istiolog.DefaultOptions()
	options.OutputPaths = []string{"stderr"} // by itself it writes where the answer goes
	if err := istiolog.Configure(options); err != nil {
		return err
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	response := &discovery.DiscoveryResponse{}
	if err := protojson.Unmarshal(text, response); err != nil {
		return err
	}
	cache := wasm.NewLocalFileCache(directory, wasm.Options{})
	defer cache.Cleanup()
	if err := wasm.MaybeConvertWasmExtensionConfig(response.Resources, cache); err != nil {
		return err
	}
	text, err = protojson.Marshal(response)
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}
