package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"filo/internal/clock"
	"filo/internal/edge"

	"github.com/spf13/cobra"
)

// huntOld asks the look-back of an agent on this machine.
func huntOld(c *cobra.Command, f scanFlags) error {
	if f.indicators == "" {
		return fmt.Errorf("--hunt needs --indicators FILE: the values to ask for")
	}
	in, err := readIndicators(c.ErrOrStderr(), f.indicators)
	if err != nil {
		return err
	}
	got, err := edge.HuntHere(f.hunt, in, clock.System{}.Now())
	if err != nil {
		return fmt.Errorf("--hunt %s: %w", f.hunt, err)
	}
	w := c.OutOrStdout()
	if f.format == "json" {
		if err := json.NewEncoder(w).Encode(got); err != nil {
			return err
		}
	} else {
		for _, x := range got.Found {
			fmt.Fprintf(w, "seen        %-40s %6d times, %s - %s, mostly in %s\n", printable(x.Value), x.Count, x.First.Format("2006-01-02 15:04"), x.Last.Format("2006-01-02 15:04"), printable(x.Log))
		}
		for _, r := range got.Refused {
			fmt.Fprintf(w, "not asked   %s\n", printable(r))
		}
		fmt.Fprintf(w, "asked       %d values, %d seen\n", got.Asked, len(got.Found))
		if got.Cover.From.IsZero() {
			fmt.Fprintln(w, "covers      nothing yet")
		} else {
			fmt.Fprintf(w, "covers      %s - %s, %d lines of %s\n", got.Cover.From.Format("2006-01-02 15:04"), got.Cover.Until.Format("2006-01-02 15:04"), got.Cover.Lines, printable(strings.Join(got.Cover.Logs, ", ")))
		}
		for _, g := range got.Cover.Gaps {
			fmt.Fprintf(w, "gap         nothing was read %s - %s\n", g.From.Format("2006-01-02 15:04"), g.Until.Format("2006-01-02 15:04"))
		}
	}
	if len(got.Found) > 0 {
		return exit(1)
	}
	return nil
}
