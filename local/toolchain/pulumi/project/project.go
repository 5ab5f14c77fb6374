// Package project resolves the Python toolchain of a Pulumi project as Pulumi's language host does.
package project

import (
	"fmt"
	"path/filepath"

	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
)

// Toolchain returns the toolchain that the options in a folder's Pulumi.yaml name.
func Toolchain(folder string) (toolchain.Toolchain, error) {
	loaded, err := workspace.LoadProject(filepath.Join(folder, "Pulumi.yaml"))
	if err != nil {
		return nil, err
	}
	options := loaded.Runtime.Options()
	if options["toolchain"] != "pip" {
		return nil, fmt.Errorf("Pulumi.yaml: the toolchain is %v, not pip", options["toolchain"])
	}
	virtualenv, _ := options["virtualenv"].(string)
	return toolchain.ResolveToolchain(toolchain.PythonOptions{
		Root: folder, ProgramDir: folder, Virtualenv: virtualenv, Toolchain: toolchain.Pip,
	})
}
