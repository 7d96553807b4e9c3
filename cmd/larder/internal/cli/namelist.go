package cli

import "strings"

// nameList is a flag: names with commas between them, which may be given several times. pflag has one that reads CSV; no name needs the quotes.
type nameList []string

func (n *nameList) String() string { return strings.Join(*n, ",") }

func (n *nameList) Type() string { return "names" }

func (n *nameList) Set(text string) error {
	if text != "" {
		*n = append(*n, strings.Split(text, ",")...)
	}
	return nil
}
