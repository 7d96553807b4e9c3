package cli

import (
	"strings"

	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

// completionCommand adds cobra's own command, which would answer a shell that it does not know with its help and exit code 0: a profile
// that sources that would not notice.
func completionCommand(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	c := subcommand(root, "completion")
	var shells []string
	for _, shell := range c.Commands() {
		shells = append(shells, shell.Name())
		shell.Args = takesNone(shell.CommandPath() + " --help tells how to load what it prints")
	}
	list := "the shells are " + strings.Join(shells, ", ")
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage(list, "a shell is missing")
		}
		return usage(list, "unknown shell %q", store.Redact(args[0]))
	}
}
