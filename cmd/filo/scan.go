package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"

	"filo/internal/clock"
	"filo/internal/edge"

	"github.com/spf13/cobra"
)

func scanCmd() *cobra.Command {
	var format string
	var allow []string
	c := &cobra.Command{
		Use:   "scan FILES|DIR|-",
		Short: "Look for attacks in logs, without any server",
		Long: "Reads logs (sshd, PAM, sudo, Apache, nginx, syslog; also compressed with gzip or zstd, or whole folders),\n" +
			"tells who tried to get in, and says what the logs lack to find them.\n\n" +
			"Exit code 0: nothing grave; 1: a success or something grave was found; 2: nothing could be read.",
		Example: "  filo scan /var/log/auth.log\n  filo scan --format json /var/log/*.log | jq .source_ip\n  journalctl -u ssh | filo scan -",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return fmt.Errorf("--format %s: text or json", format)
			}
			s := &edge.Scan{Clock: clock.System{}, Stdin: c.InOrStdin()}
			for _, a := range allow {
				p, err := netip.ParsePrefix(a)
				if err != nil {
					ad, err := netip.ParseAddr(a)
					if err != nil {
						return fmt.Errorf("--allow %s: no address and no network", a)
					}
					p = netip.PrefixFrom(ad, ad.BitLen())
				}
				s.Allow = append(s.Allow, p)
			}
			if format == "text" {
				s.Progress = func(file string, n uint64) { fmt.Fprintf(os.Stderr, "\r%s: %d lines", file, n) }
			}
			s.Files(args)
			return scanOut(c.OutOrStdout(), s, format)
		},
	}
	c.Flags().StringVar(&format, "format", "text", "text, or json: one finding a line")
	c.Flags().StringSliceVar(&allow, "allow", nil, "addresses and networks that are never counted")
	return c
}

func scanOut(w io.Writer, s *edge.Scan, format string) error {
	for _, t := range s.Troubles {
		fmt.Fprintln(os.Stderr, "filo: "+t)
	}
	if len(s.Sources) == 0 {
		return exit(2)
	}
	if format == "json" {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		for _, r := range s.Rows() {
			if err := enc.Encode(r); err != nil {
				return err
			}
		}
	} else {
		scanText(w, s)
	}
	for _, f := range s.Findings {
		if f.Severity == "high" {
			return exit(1)
		}
	}
	return nil
}

func scanText(w io.Writer, s *edge.Scan) {
	for _, src := range s.Sources {
		fmt.Fprintf(w, "%s  %d lines, %d understood, %d unknown\n", src.Name, src.Lines, src.Parsed, src.Unknown)
	}
	if len(s.Findings) == 0 {
		fmt.Fprintln(w, "\nNo attempt found.")
	} else {
		fmt.Fprintf(w, "\n%-20s %-39s %6s  %-16s  %s\n", "WHAT", "FROM", "COUNT", "LAST (UTC)", "USERS")
	}
	for _, f := range s.Findings {
		users := strings.Join(f.Users[:min(len(f.Users), 4)], ", ")
		if len(f.Users) > 4 {
			users += fmt.Sprintf(", … (%d)", len(f.Users))
		}
		mark := ""
		if f.Severity == "high" {
			mark = "   ← look at this first"
		}
		fmt.Fprintf(w, "%-20s %-39s %6d  %-16s  %s%s\n", f.Rule, f.SourceIP, f.Count, f.Last.Format("2006-01-02 15:04"), printable(users), mark)
	}
	for _, src := range s.Sources {
		for _, k := range src.Checks {
			if !k.OK && k.Fix != "" {
				fmt.Fprintf(w, "\n%s: %s (%s). Fix:\n%s\n", src.Name, lacks[k.Name], k.Seen, k.Fix)
			}
		}
	}
}

var lacks = map[string]string{
	"source_port": "the source port is not recorded: nobody behind a shared address can be found",
	"zone":        "lines do not say their time zone",
	"clock":       "the clock is off",
	"retention":   "days of log kept: fewer than 90",
}

// printable keeps what a log line carries from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 32 || r == 127 || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
