package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// rootCommand builds the tree of commands. Nothing of it is shared between two runs.
func (a *app) rootCommand(args []string) *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:   "larder",
		Short: "Look after a store of keys and values that forgets what nobody uses",
		Long: "Look after a store of keys and values that forgets what nobody uses: a folder of\n" +
			"files, a bbolt file, Postgres, Redis or memcached, as a URL names it.",
		Example: "  echo hello | larder set greeting\n" +
			"  larder get greeting\n" +
			"  larder ls\n" +
			"  larder cleanup --idle 30d --dry-run",
		SilenceErrors: true,
		SilenceUsage:  true,
		// A command that is misspelt must be found before its flags are unknown.
		FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true},
		Args:               cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, rest []string) error {
			if version && len(rest) == 0 {
				return a.version()
			}
			return a.noCommand(c, args, rest)
		},
	}
	root.Flags().BoolVar(&version, "version", false, "what larder version prints")
	root.SuggestionsMinimumDistance = 2
	root.SetIn(a.stdin)
	root.SetOut(a.out)
	root.SetErr(a.stderr)
	root.SetHelpFunc(a.help)
	root.SetUsageFunc(func(c *cobra.Command) error { a.help(c, nil); return nil })
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.HiddenDefaultCmd = false
	flags := root.PersistentFlags()
	flags.StringVar(&a.url, storeFlag, "", "`URL` of the store, as file:./larder-data or redis://host")
	flags.BoolVar(&a.json, "json", false, "print one JSON object; an error is one on stderr")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "print only errors, and what get, ls, stat and demo are for")
	flags.BoolP("help", "h", false, "show help")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if a.json && a.quiet {
			return usage("give one of them", "--json and --quiet exclude each other")
		}
		return nil
	}
	root.SetHelpCommand(a.helpCommand())
	root.AddCommand(a.setCommand(), a.getCommand(), a.lsCommand(), a.statCommand(), a.rmCommand(), a.touchCommand(),
		a.cleanupCommand(), a.checkCommand(), a.doctorCommand(), a.migrateCommand(), a.copyCommand(), a.exportCommand(), a.importCommand(), a.handoverCommand(), a.ringCommand(), a.demoCommand(), a.versionCommand())
	completionCommand(root)
	return root
}

// noCommand answers a command line without a command that there is.
func (a *app) noCommand(root *cobra.Command, args, rest []string) error {
	if len(rest) > 0 {
		hint := "larder help lists the commands"
		if near := root.SuggestionsFor(rest[0]); len(near) > 0 {
			hint = fmt.Sprintf("did you mean %s? %s", near[0], hint)
		}
		// What stands in the place of a command may be a URL whose --store was forgotten.
		return usage(hint, "unknown command %q", store.Redact(rest[0]))
	}
	root.FParseErrWhitelist.UnknownFlags = false
	if err := root.ParseFlags(args); err != nil {
		return flagError(root, err)
	}
	root.SetOut(a.stderr)
	a.help(root, nil)
	return usage("larder help COMMAND tells more about one", "a command is missing")
}

// flagError says what is wrong with a flag, without its value where that may be a URL with a password.
func flagError(c *cobra.Command, err error) error {
	hint := fmt.Sprintf("%s --help lists the flags", c.CommandPath())
	var missing *pflag.NotExistError
	if errors.As(err, &missing) {
		name := missing.GetSpecifiedName()
		if missing.GetSpecifiedShortnames() != "" {
			return usage(hint, "unknown flag -%s", name)
		}
		if near := nearestFlag(c, name); near != "" {
			hint = fmt.Sprintf("did you mean --%s? %s", near, hint)
		}
		return usage(hint, "unknown flag --%s", store.Redact(name))
	}
	var needed *pflag.ValueRequiredError
	if errors.As(err, &needed) {
		return usage(hint, "the flag --%s needs a value", needed.GetFlag().Name)
	}
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		cause := invalid.Unwrap()
		if kind := invalid.GetFlag().Value.Type(); kind == "int" {
			cause = errors.New("it must be a whole number")
		} else if kind == "float64" { // strconv would quote it, and it may be a URL
			cause = errors.New("it must be a number")
		} else if kind == "bool" {
			cause = errors.New("it takes no value")
		}
		return usage(hint, "--%s %q: %w", invalid.GetFlag().Name, store.Redact(invalid.GetValue()), cause)
	}
	return usage(hint, "a flag is written as --name or --name=value")
}

// nearestFlag finds the flag that was probably meant: at most two letters away, or one that begins so.
func nearestFlag(c *cobra.Command, name string) (nearest string) {
	best := 3
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if d := distance(name, f.Name); d < best && d < len(f.Name) {
			best, nearest = d, f.Name
		}
	})
	return nearest
}

// distance is how many letters must be inserted, removed, changed or swapped with their neighbour.
func distance(a, b string) int {
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			next[j+1] = min(row[j+1]+1, next[j]+1)
			if a[i] == b[j] {
				next[j+1] = min(next[j+1], row[j])
			} else {
				next[j+1] = min(next[j+1], row[j]+1)
			}
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

// withStore runs do on the store. An error of Close counts: a durable store may have something to say there.
func (a *app) withStore(c *cobra.Command, create bool, do func(ctx context.Context, s store.Closer) error) (err error) {
	ctx := c.Context()
	s, err := a.open(ctx, c.Flags().Changed(storeFlag), create)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := s.Close(); err == nil {
			err = closeErr
		}
	}()
	return do(ctx, s)
}

// result prints what the user asked for: as JSON, or as text.
func (a *app) result(v any, text string) error {
	if !a.json {
		_, err := fmt.Fprintln(a.out, text)
		return err
	}
	line, err := marshal(v)
	if err == nil {
		_, err = a.out.Write(line)
	}
	return err
}

// summary prints what was done: as JSON, or as text unless --quiet was given.
func (a *app) summary(v any, text string) error {
	if a.quiet {
		return nil
	}
	return a.result(v, text)
}

// note writes a remark to stderr.
func (a *app) note(format string, args ...any) {
	if !a.quiet && !a.json {
		fmt.Fprintf(a.stderr, format+"\n", args...)
	}
}

// takes is the check of arguments for commands that take keys: at least least arguments, and at most most.
func takes(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		hint := "usage: " + c.UseLine()
		switch {
		case len(args) < least:
			return usage(hint, "a key is missing")
		case len(args) > most:
			return usage(hint, "%d arguments, but %s takes no more than %d", len(args), c.CommandPath(), most)
		}
		return nil
	}
}

// takesNone is the check of arguments for commands that take none.
func takesNone(hint string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage(hint, "%s takes no arguments", c.CommandPath())
		}
		return nil
	}
}
