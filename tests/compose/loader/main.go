// Loads a compose file as `docker compose config` does, with the library that it uses, and prints the project as
// JSON: interpolation, anchors, the schema, consistency (what depends on what, secrets, volumes, profiles).
//
//	loader COMPOSE_FILE [PROFILE...]
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	if err := load(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func load(arguments []string) error {
	if len(arguments) == 0 {
		return fmt.Errorf("usage: loader COMPOSE_FILE [PROFILE...]")
	}
	options, err := cli.NewProjectOptions(arguments[:1], cli.WithOsEnv, cli.WithProfiles(arguments[1:]))
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	printed, err := project.MarshalJSON()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(printed)
	return err
}
