// Checks the SARIF document on standard input against the published schema of SARIF 2.1.0, which go-sarif has as a text
// in the source file that is the argument. Its own check looks at what it would write itself.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	_ "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/xeipuuv/gojsonschema"
)

func check() error {
	source, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(source), "const schema = `")
	schema, _, found := strings.Cut(rest, "`")
	if !found {
		return fmt.Errorf("%s has no schema", os.Args[1])
	}
	document, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	result, err := gojsonschema.Validate(gojsonschema.NewStringLoader(schema), gojsonschema.NewBytesLoader(document))
	if err != nil {
		return err
	}
	for _, wrong := range result.Errors() {
		err = fmt.Errorf("%s", wrong)
	}
	return err
}

func main() {
	if err := check(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
