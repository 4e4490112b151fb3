package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filo/internal/clock"
	"filo/internal/edge"
	"filo/internal/edge/link"
	"filo/internal/pki"
	"filo/report"

	"github.com/spf13/cobra"
)

func stateFlag(c *cobra.Command) *string {
	dir := "/var/lib/filo-agent"
	if os.Geteuid() != 0 {
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
		Long: "Follows logs, counts attempts, watches for what the centre warns of, and tells the node.\nRaw lines never leave the machine. Works with the line down for weeks.",
	}
	state := stateFlag(c)
	logs := c.Flags().StringArray("log", nil, "a log to follow (again for each)")
	fromEnd := c.Flags().Bool("from-end", false, "pass over what is in the logs already")
	level := c.Flags().String("log-level", "info", "debug, info, warn, error")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if len(*logs) == 0 {
			return fmt.Errorf("no log to follow: add --log /var/log/auth.log")
		}
		var src []edge.SourceConfig
		for _, l := range *logs {
			src = append(src, edge.SourceConfig{Path: l, FromEnd: *fromEnd})
		}
		a, err := edge.Open(edge.Config{State: *state, Sources: src, Version: version, Clock: clock.System{}, Log: logger(*level)})
		if err != nil {
			return err
		}
		return a.Run(c.Context())
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
