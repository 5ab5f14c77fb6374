// Runs what `pulumi install` runs for a Python program: the true code of Pulumi's language host, which no registry has as a whole.
//
// Usage: go run ./install FOLDER
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
)

func main() {
	if err := install(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func install(folder string) error {
	project, err := workspace.LoadProject(filepath.Join(folder, "Pulumi.yaml"))
	if err != nil {
		return err
	}
	options := project.Runtime.Options()
	if options["toolchain"] != "pip" {
		return fmt.Errorf("Pulumi.yaml: the toolchain is %v, not pip", options["toolchain"])
	}
	virtualenv, _ := options["virtualenv"].(string)
	tools, err := toolchain.ResolveToolchain(toolchain.PythonOptions{
		Root: folder, ProgramDir: folder, Virtualenv: virtualenv, Toolchain: toolchain.Pip,
	})
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := tools.InstallDependencies(ctx, folder, false, true, os.Stdout, os.Stderr); err != nil {
		return err
	}
	return tools.ValidateVenv(ctx)
}
