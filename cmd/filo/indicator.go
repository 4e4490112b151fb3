package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"filo/internal/stix/pattern"

	"github.com/spf13/cobra"
)

func indicatorCmd() *cobra.Command {
	c := &cobra.Command{Use: "indicator", Short: "Look at indicators: STIX patterns"}
	c.AddCommand(
		&cobra.Command{
			Use: "match PATTERN FILE", Short: "Evaluate a STIX pattern on a bundle of observed data", Args: cobra.ExactArgs(2),
			Long:    "Reads the observed data of a STIX bundle (2.0 or 2.1; - is standard input) and prints \"match\" with the\nobservations that satisfy the pattern, or \"no match\".\nExit code: 0 match, 1 no match, 2 the pattern or the data is wrong.",
			Example: "  filo indicator match \"[ipv4-addr:value = '203.0.113.9']\" osservato.json",
			RunE:    matchPattern,
		},
		&cobra.Command{
			Use: "check PATTERN", Short: "Say whether a STIX pattern is right, and where it is not", Args: cobra.ExactArgs(1),
			Example: "  filo indicator check \"[file:size > 1024]\"",
			RunE: func(c *cobra.Command, args []string) error {
				e, err := pattern.Parse(args[0])
				if err == nil {
					err = e.Validate()
				}
				if err != nil {
					return fmt.Errorf("the pattern: %w", err)
				}
				where := "at the centre, where several observations come together"
				if e.Single() {
					where = "at the edge, on each event"
				}
				fmt.Fprintf(c.OutOrStdout(), "right; %d comparisons; evaluated %s\n", len(e.Comparisons()), where)
				return nil
			},
		},
	)
	return c
}

func matchPattern(c *cobra.Command, args []string) error {
	e, err := pattern.Parse(args[0])
	if err != nil {
		return fmt.Errorf("the pattern: %w", err)
	}
	var r io.Reader = c.InOrStdin()
	if args[1] != "-" {
		f, err := os.Open(args[1])
		if err != nil {
			return err
		}
		defer f.Close()
		r = f
	}
	data, err := pattern.ReadBundle(r)
	if err != nil {
		return err
	}
	ids, ok, err := e.Match(data)
	if err != nil {
		return err
	}
	if !ok {
		fmt.Fprintln(c.OutOrStdout(), "no match")
		return exit(1)
	}
	fmt.Fprintln(c.OutOrStdout(), "match", strings.Join(ids, " "))
	return nil
}
