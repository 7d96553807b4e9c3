package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// exitTable says which commands end with which exit codes besides 0 and 2. A command that is in it opens a store.
type exitTable map[*cobra.Command][]int

// add notes the codes of c, besides those that every command on a store has, and returns c.
func (t exitTable) add(c *cobra.Command, codes ...int) *cobra.Command {
	t[c] = append(codes, exitInterrupted)
	return c
}

// help is written by hand: cobra's templates would link text/template and with it reflection over every method
// of every dependency, which doubles the binary.
func (a *app) help(c *cobra.Command, _ []string) {
	w := c.OutOrStdout()
	about := c.Long
	if about == "" {
		about = c.Short
	}
	fmt.Fprintf(w, "%s\n\nUsage:\n", strings.TrimSpace(about))
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "  %s COMMAND [flags]\n\nCommands:\n", c.CommandPath())
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				fmt.Fprintf(w, "  %-*s  %s\n", sub.NamePadding(), sub.Name(), sub.Short)
			}
		}
	} else {
		fmt.Fprintf(w, "  %s\n", c.UseLine())
	}
	section(w.Write, "Examples", c.Example)
	if c.HasParent() {
		section(w.Write, "Flags", c.LocalFlags().FlagUsages())
		section(w.Write, "Flags of every command", c.InheritedFlags().FlagUsages())
	} else {
		section(w.Write, "Flags", c.LocalNonPersistentFlags().FlagUsages())
		section(w.Write, "Flags of every command", c.PersistentFlags().FlagUsages())
	}
	codes, opens := a.exits[c]
	if !c.HasParent() {
		codes, opens = []int{exitError, exitPartial, exitNoKey, exitNoStore, exitLocked, exitBudget, exitInterrupted}, true
	}
	if opens && c.Annotations[storeAnnotation] != noStore {
		fallback := defaultStore
		if other := c.Annotations[storeAnnotation]; other != "" {
			fallback = other
		}
		section(w.Write, "Environment", fmt.Sprintf("  %-19s  %s\n  %-19s  %s\n\nWithout --store and these, the store is %s.\n",
			envStore, "URL of the store, where --store is not given",
			envStoreFile, "a file that holds the URL, where neither is given", fallback))
	}
	var table strings.Builder
	for code := range exitInterrupted + 1 {
		if code == exitDone || code == exitUsage || contains(codes, code) {
			fmt.Fprintf(&table, "  %3d  %s\n", code, exitMeaning(code))
		}
	}
	section(w.Write, "Exit codes", table.String())
	if !c.HasParent() {
		section(w.Write, "More", "  larder help COMMAND")
	}
}

func contains(codes []int, code int) bool {
	for _, c := range codes {
		if c == code {
			return true
		}
	}
	return false
}

func section(write func([]byte) (int, error), title, body string) {
	if body = strings.TrimRight(body, "\n"); body != "" {
		write([]byte("\n" + title + ":\n" + body + "\n"))
	}
}

func (a *app) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Show help for a command",
		Example: "  larder help cleanup",
		RunE: func(c *cobra.Command, args []string) error {
			target := c.Root()
			for _, name := range args {
				next := subcommand(target, name)
				if next == nil {
					return a.noCommand(target, nil, []string{name})
				}
				target = next
			}
			target.InitDefaultHelpFlag()
			return target.Help()
		},
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var names []cobra.Completion
			for _, sub := range c.Root().Commands() {
				if len(args) == 0 && sub.IsAvailableCommand() {
					names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

func subcommand(c *cobra.Command, name string) *cobra.Command {
	for _, sub := range c.Commands() {
		if sub.Name() == name {
			return sub
		}
	}
	return nil
}
