// Asks a program's virtual environment the questions of Pulumi's language host before `pulumi preview`, `up`, `refresh` and `destroy`, with
// the code of that host. Prints the answers as JSON.
//
// Usage: go run ./ask FOLDER
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"example.org/biobatch/toolchain/pulumi/project"
)

func main() {
	if err := ask(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func ask(folder string) error {
	tools, err := project.Toolchain(folder)
	if err != nil {
		return err
	}
	ctx := context.Background()
	// GetRequiredPackages. EnsureVenv would create a missing environment, so ValidateVenv comes first.
	if err := tools.ValidateVenv(ctx); err != nil {
		return err
	}
	if err := tools.EnsureVenv(ctx, folder, false, true, os.Stderr, os.Stderr); err != nil {
		return err
	}
	packages, err := tools.ListPackages(ctx, true)
	if err != nil {
		return fmt.Errorf("failed to discover package requirements: %w", err)
	}
	// GetProgramDependencies. The CLI stores the answer with an update.
	direct, err := tools.ListPackages(ctx, false)
	if err != nil {
		return fmt.Errorf("failed to get python dependencies: %w", err)
	}
	// About.
	about, err := tools.About(ctx)
	if err != nil {
		return err
	}
	// Run and RunPlugin: a command of the environment's Python.
	command, err := tools.Command(ctx, "-c", "import pulumi.runtime")
	if err != nil {
		return err
	}
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s%w", output, err)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"packages":   packages,
		"direct":     direct,
		"executable": about.PythonExecutable,
		"python":     about.PythonVersion.String(),
		"pip":        about.ToolchainVersion.String(),
	})
}
