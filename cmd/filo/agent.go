package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"filo/internal/clock"
	"filo/internal/edge"
	"filo/internal/edge/link"
	"filo/internal/edge/source"
	"filo/internal/pki"
	"filo/report"

	"github.com/spf13/cobra"
)

func stateFlag(c *cobra.Command) *string {
	dir := "/var/lib/filo-agent"
	if data := os.Getenv("ProgramData"); runtime.GOOS == "windows" && data != "" {
		dir = filepath.Join(data, "filo-agent")
	} else if os.Geteuid() != 0 {
		if home, err := os.UserConfigDir(); err == nil {
			dir = filepath.Join(home, "filo-agent")
		}
	}
	return c.Flags().String("state", dir, "folder of the agent")
}

func enrolCmd() *cobra.Command {
	c := &cobra.Command{
		Use: "enrol CODE", Short: "Connect this machine to a node", Args: cobra.ExactArgs(1),
		Long: "Turns a code from the page «Agenti» into a certificate. The key is made here and never leaves.",
	}
	state := stateFlag(c)
	node := c.Flags().String("node", "", "address of the node's link, such as https://filo.example:8443")
	pin := c.Flags().String("pin", "", "fingerprint of the node's authority, from the same page")
	c.RunE = func(c *cobra.Command, args []string) error {
		if *node == "" {
			return fmt.Errorf("--node is missing: the page «Agenti» shows the whole command")
		}
		id, err := link.Enrol(c.Context(), *state, *node, args[0], *pin, version)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "enrolled       %s, with %s\ncertificate    until %s, renewed by itself\nnext           filo agent --state %s --log /var/log/auth.log\n",
			id.BodyName, id.CentreName, id.NotAfter.Format("2006-01-02"), *state)
		return nil
	}
	return c
}

func agentCmd() *cobra.Command {
	c := &cobra.Command{
		Use: "agent", Short: "Watch the logs of this machine", Args: cobra.NoArgs,
		Long: "Follows logs, counts attempts, watches for what the centre warns of, and tells the node.\nRaw lines never leave the machine unless a person lets them. Works with the line down for weeks.",
		Example: "  filo agent --log /var/log/auth.log --log /var/log/nginx/access.log\n" +
			"  filo agent --log syslog:udp://0.0.0.0:5514 --log journald: --log flow:0.0.0.0:2055\n" +
			"  filo agent status\n" +
			"  filo agent verify        # the chain of the lines kept around findings",
	}
	state := stateFlag(c)
	logs := c.Flags().StringArray("log", nil, "a log to follow (again for each): "+source.Kinds)
	rules := c.Flags().StringArray("rules", nil, "a file or folder of Sigma rules to use beside filo's own (again for each)")
	fromEnd := c.Flags().Bool("from-end", false, "pass over what is in the logs already")
	days := c.Flags().Int("keep-days", 90, "how many days the look-back reaches")
	disk := c.Flags().Int64("disk", 2048, "megabytes that the look-back may take")
	level := c.Flags().String("log-level", "info", "debug, info, warn, error")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if len(*logs) == 0 {
			return fmt.Errorf("no log to follow: add --log /var/log/auth.log")
		}
		service, err := underService(*state)
		if err != nil {
			return err
		}
		if *days < 1 || *days > 3650 || *disk < 16 {
			return fmt.Errorf("--keep-days is 1 to 3650, --disk at least 16")
		}
		conf := edge.Config{State: *state, Version: version, Clock: clock.System{}, Log: logger(*level), Keep: time.Duration(*days) * 24 * time.Hour, Budget: *disk << 20}
		for _, l := range *logs {
			conf.Sources = append(conf.Sources, edge.SourceConfig{Path: l, FromEnd: *fromEnd})
		}
		if len(*rules) > 0 {
			if conf.Rules, err = foreignRules(c.ErrOrStderr(), *rules); err != nil {
				return err
			}
		}
		a, err := edge.Open(conf)
		if err != nil {
			return err
		}
		if service {
			return runService(c.Context(), a.Run)
		}
		return a.Run(c.Context())
	}
	c.AddCommand(agentStatusCmd(), agentVerifyCmd())
	c.AddCommand(serviceCmds()...)
	return c
}

func agentStatusCmd() *cobra.Command {
	c := &cobra.Command{Use: "status", Short: "Say how the agent of this machine is", Args: cobra.NoArgs}
	state := stateFlag(c)
	format := c.Flags().String("format", "text", "text or json")
	c.RunE = func(c *cobra.Command, _ []string) error {
		s, err := edge.LastStatus(*state)
		if err != nil {
			return err
		}
		w := c.OutOrStdout()
		if *format == "json" {
			return json.NewEncoder(w).Encode(s)
		}
		fmt.Fprintf(w, "agent          %s on %s (%s), told %s\n", s.Version, s.Host, s.System, s.At.Format(time.RFC3339))
		fmt.Fprintf(w, "watches for    %d indicators\nwaiting        %d events for the node\nlook-back      %d MB on disk\n", s.Live, s.Spooled, s.HistoryBytes>>20)
		if s.Evicted > 0 || s.HistoryEvicted > 0 {
			fmt.Fprintf(w, "given up       %d counts and groups, %d segments of the look-back, for lack of room\n", s.Evicted, s.HistoryEvicted)
		}
		for _, d := range s.Damaged {
			fmt.Fprintf(w, "damaged        %s, set aside\n", printable(d))
		}
		if s.Disk != "" {
			fmt.Fprintf(w, "disk           %s\n", printable(s.Disk))
		}
		for _, x := range s.Sources {
			fmt.Fprintf(w, "\n%s\n  read         %d lines, last %s\n  understood   %d (%s), unknown %d, cut %d\n  matched      %d, allowed %d\n  readiness    %d of 100\n",
				printable(x.Name), x.Lines, x.LastLine.Format(time.RFC3339), x.Parsed, x.Product, x.Unknown, x.Cut, x.Matched, x.Allowed, x.Score)
			for reason, n := range x.Dropped {
				fmt.Fprintf(w, "  dropped      %d: %s\n", n, printable(reason))
			}
			for kind, n := range x.Notes {
				fmt.Fprintf(w, "  note         %d: %s\n", n, printable(kind))
			}
			if x.Lag > 0 {
				fmt.Fprintf(w, "  behind       %d bytes\n", x.Lag)
			}
			if x.Trouble != "" {
				fmt.Fprintf(w, "  trouble      %s\n", printable(x.Trouble))
			}
			for _, k := range x.Checks {
				if !k.OK {
					fmt.Fprintf(w, "  lacks        %s (%s)\n", lacks[k.Name], printable(k.Seen))
				}
			}
		}
		return nil
	}
	return c
}

func agentVerifyCmd() *cobra.Command {
	c := &cobra.Command{Use: "verify", Short: "Check the chain of the lines kept around findings", Args: cobra.NoArgs}
	state := stateFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		n, err := edge.VerifyKept(*state)
		if err != nil {
			fmt.Fprintf(c.OutOrStdout(), "BROKEN after %d frames: %v\n", n, err)
			return exit(1)
		}
		fmt.Fprintf(c.OutOrStdout(), "%d frames, the chain holds\n", n)
		return nil
	}
	return c
}

func receiptCmd() *cobra.Command {
	r := &cobra.Command{Use: "receipt", Short: "Receipts of reports"}
	c := &cobra.Command{Use: "verify FILE|-", Short: "Check the signature of a receipt", Args: cobra.ExactArgs(1)}
	key := c.Flags().String("key", "", "the node's public key, when you have it from elsewhere")
	c.RunE = func(c *cobra.Command, args []string) error {
		in := c.InOrStdin()
		if args[0] != "-" {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			in = f
		}
		b, err := io.ReadAll(io.LimitReader(in, 8192))
		if err != nil {
			return err
		}
		rec, err := report.ParseReceipt(string(b))
		if err != nil {
			return fmt.Errorf("%s is no receipt of filo", args[0])
		}
		if *key != "" && *key != rec.Key {
			fmt.Fprintln(c.OutOrStdout(), "FORGED: signed by another key")
			return exit(1)
		}
		if !pki.VerifyText(rec.Key, rec.Text, rec.Signature) {
			fmt.Fprintln(c.OutOrStdout(), "FORGED: the signature does not fit the text")
			return exit(1)
		}
		fmt.Fprint(c.OutOrStdout(), rec.Text)
		if *key == "" {
			fmt.Fprintf(c.OutOrStdout(), "signature fits; compare the key with the node's own: %s\n", rec.Key)
		}
		return nil
	}
	r.AddCommand(c)
	return r
}
