package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"filo/access"
	"filo/entry"
	"filo/internal/app"
	"filo/internal/clock"
	"filo/internal/config"
	"filo/internal/web/static"
	"filo/territory"

	"github.com/spf13/cobra"
)

func logger(level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: l}))
}

// openNode reads the configuration and builds the node.
func openNode(ctx context.Context, path string) (*app.Node, error) {
	if path == "" {
		if _, err := os.Stat("filo.json"); err == nil {
			path = "filo.json"
		}
	}
	c, err := config.Load(path, os.Environ())
	if err != nil {
		return nil, err
	}
	return app.Build(ctx, c, clock.System{}, logger(c.LogLevel))
}

func configFlag(c *cobra.Command) *string {
	return c.Flags().StringP("config", "c", "", "configuration file (default: filo.json here, if there is one)")
}

func initCmd() *cobra.Command {
	c := &cobra.Command{
		Use: "init", Short: "Set up a node: configuration, keys, map, first administrator", Args: cobra.NoArgs,
		Long: "Writes filo.json when there is none, makes the keys and the database, loads the map,\nand prints the code with which the first administrator signs in.",
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *path == "" {
			*path = "filo.json"
		}
		if _, err := os.Stat(*path); errors.Is(err, os.ErrNotExist) {
			b, err := json.MarshalIndent(config.Default(), "", "  ")
			if err != nil {
				return err
			}
			if err := os.WriteFile(*path, append(b, '\n'), 0o600); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "configuration  %s written\n", *path)
		}
		n, err := openNode(c.Context(), *path)
		if err != nil {
			return err
		}
		defer n.Close()
		comuni, err := n.Seed(c.Context())
		if err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "database       %s ready\n", n.DB.Engine())
		if comuni > 0 {
			fmt.Fprintf(c.OutOrStdout(), "map            19 centres, 107 provinces, %d Comuni\n", comuni)
		} else {
			fmt.Fprintln(c.OutOrStdout(), "map            as it was; bring a list of Comuni with: filo territory import FILE")
		}
		code, err := n.Entry.Invite(c.Context(), access.AsSystem("filo init"), entry.Mandate{
			Kind: access.National, Role: access.Admin, Centre: territory.NationalCentre, Title: "amministratore del nodo",
		}, "")
		if err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "administrator  start with: filo serve\n               then open %s/invito?codice=%s (good for 7 days)\n", n.Config.Public, code)
		return nil
	}
	return c
}

func serveCmd() *cobra.Command {
	c := &cobra.Command{Use: "serve", Short: "Run a node: pages, agent link", Args: cobra.NoArgs}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		n, err := openNode(c.Context(), *path)
		if err != nil {
			return err
		}
		defer n.Close()
		if _, err := n.Seed(c.Context()); err != nil {
			return err
		}
		if !static.Built() {
			n.Log.Warn("this binary carries no styles: build it with make")
		}
		h, err := n.Pages()
		if err != nil {
			return err
		}
		pages, err := net.Listen("tcp", n.Config.Listen)
		if err != nil {
			return fmt.Errorf("pages: %w", err)
		}
		link, err := net.Listen("tcp", n.Config.Link.Listen)
		if err != nil {
			return fmt.Errorf("link: %w", err)
		}
		n.Log.Info("filo is running", "pages", n.Config.Public, "link", n.Config.Link.Public, "version", version)
		return n.Serve(c.Context(), pages, link, h)
	}
	return c
}

func territoryCmd() *cobra.Command {
	t := &cobra.Command{Use: "territory", Short: "The map: centres, provinces, Comuni"}
	c := &cobra.Command{
		Use: "import FILE", Short: "Bring the official list of Comuni (ISTAT CSV, IndicePA dump)", Args: cobra.ExactArgs(1),
		Long: "Reads the list, shows what it would change, and changes it only with --apply.\nA row that cannot be read is named and never stops the others.",
	}
	path := configFlag(c)
	apply := c.Flags().Bool("apply", false, "apply the differences")
	c.RunE = func(c *cobra.Command, args []string) error {
		f, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer f.Close()
		rows, bad, err := territory.ReadList(f)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		n, err := openNode(c.Context(), *path)
		if err != nil {
			return err
		}
		defer n.Close()
		return importRows(c, n, rows, bad, *apply)
	}
	t.AddCommand(c)
	return t
}

func importRows(c *cobra.Command, n *app.Node, rows []territory.Row, bad []territory.Trouble, apply bool) error {
	ctx, v, w := c.Context(), access.AsSystem("filo territory import"), c.OutOrStdout()
	provinces, err := n.Territory.Provinces(ctx, v)
	if err != nil {
		return err
	}
	var have []territory.Body
	for after, more := "", true; more; {
		list, next, err := n.Territory.Bodies(ctx, v, territory.Query{After: after, Ended: true, Limit: 200})
		if err != nil {
			return err
		}
		have, after, more = append(have, list...), next, next != ""
	}
	diffs := territory.Compare(have, rows, provinces)
	counts := map[string]int{}
	for _, d := range diffs {
		if counts[d.Kind]++; counts[d.Kind] <= 20 {
			fmt.Fprintf(w, "%-10s %s  %s (%s)  %s\n", d.Kind, d.Body.Belfiore, d.Body.Name, d.Body.Province, d.Note)
		}
	}
	for _, b := range bad {
		fmt.Fprintf(w, "row %-6d %s\n", b.Line, b.What)
	}
	fmt.Fprintf(w, "\n%d rows read, %d not readable, %d differences\n", len(rows), len(bad), len(diffs))
	if !apply {
		fmt.Fprintln(w, "nothing changed; to change it add: --apply")
		return nil
	}
	done, err := territory.Apply(ctx, n.Territory, v, diffs)
	fmt.Fprintf(w, "%d Comuni changed\n", done)
	return err
}

func doctorCmd() *cobra.Command {
	c := &cobra.Command{Use: "doctor", Short: "Check that this machine can run a node", Args: cobra.NoArgs}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		w := c.OutOrStdout()
		bad := 0
		say := func(ok bool, what, fix string) {
			mark := "ok  "
			if !ok {
				mark, bad = "FIX ", bad+1
			}
			fmt.Fprintf(w, "%s %s\n", mark, what)
			if !ok && fix != "" {
				fmt.Fprintf(w, "     %s\n", fix)
			}
		}
		n, err := openNode(c.Context(), *path)
		if err != nil {
			say(false, "configuration and database: "+err.Error(), "make them with: filo init")
			return exit(1)
		}
		defer n.Close()
		say(true, "database "+n.DB.Engine(), "")
		st, err := os.Stat(filepath.Join(n.Config.Data, "keys", "ca.pem"))
		say(err == nil && st.Mode().Perm()&0o077 == 0, "keys readable by this user only", "chmod -R go= "+filepath.Join(n.Config.Data, "keys"))
		say(static.Built(), "styles and fonts are in the binary", "build with: make build")
		centres, err := n.Territory.Centres(c.Context(), access.AsSystem("filo doctor"))
		say(err == nil && len(centres) > 0, fmt.Sprintf("map: %d centres", len(centres)), "filo init")
		files := openFiles()
		say(files == 0 || files >= 20000, fmt.Sprintf("open files allowed: %d", files), "for 7,900 agents: ulimit -n 20000, or LimitNOFILE=20000 in the unit")
		if bad > 0 {
			return exit(1)
		}
		return nil
	}
	return c
}
