// tests/signing.rs puts this beside the document's `sign`: prints what becomes of every vector.
package main

import (
	"encoding/hex"
	"encoding/json"
	"os"
)

type vector struct {
	Host, Path, Kid string
	Parameters      map[string]string
	Exp             int64
	Free            []string
}

func main() {
	file, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	var vectors struct {
		Keys            map[string]string
		Signed, Refused []vector
	}
	if err := json.Unmarshal(file, &vectors); err != nil {
		panic(err)
	}
	told := func(all []vector) (urls []*string) {
		for _, one := range all {
			key, err := hex.DecodeString(vectors.Keys[one.Kid])
			if err != nil {
				panic(err)
			}
			url, err := sign(key, one.Host, one.Path, one.Parameters, one.Exp, one.Kid, one.Free)
			if err != nil {
				urls = append(urls, nil)
			} else {
				urls = append(urls, &url)
			}
		}
		return urls
	}
	result := map[string]any{"signed": told(vectors.Signed), "refused": told(vectors.Refused)}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		panic(err)
	}
}
