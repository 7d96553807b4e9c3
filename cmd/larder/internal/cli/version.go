package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

type versionResult struct {
	Version  string `json:"version"`  // of the module; (devel): built from a checkout
	Revision string `json:"revision"` // of the checkout; empty: not known
	Time     string `json:"time"`     // of the revision
	Modified bool   `json:"modified"` // the checkout had changes
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "version",
		Short:             "Print the version of this command",
		Example:           "  larder version\n  larder version --json",
		Args:              takesNone("leave them out"),
		RunE:              func(*cobra.Command, []string) error { return a.version() },
		ValidArgsFunction: cobra.NoFileCompletions,
	}
}

func (a *app) version() error {
	v := buildVersion()
	return a.result(v, fmt.Sprintf("larder %s %s %s/%s", v.Version, v.Go, v.OS, v.Arch))
}

// buildVersion reads what the Go command has written into the binary.
func buildVersion() versionResult {
	v := versionResult{Version: "(devel)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
