// Does the work of `pulumi install` for a Python program, with the code of Pulumi's language host. No registry has the whole host.
//
// Usage: go run ./install FOLDER
package main

import (
	"context"
	"fmt"
	"os"

	"example.org/biobatch/toolchain/pulumi/project"
)

func main() {
	if err := install(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func install(folder string) error {
	tools, err := project.Toolchain(folder)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := tools.InstallDependencies(ctx, folder, false, true, os.Stdout, os.Stderr); err != nil {
		return err
	}
	return tools.ValidateVenv(ctx)
}
