package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sort"

	"filo/internal/demo"

	"github.com/spf13/cobra"
)

func demoCmd() *cobra.Command {
	c := &cobra.Command{
		Use: "demo", Short: "A node, two centres and three Comuni on this machine", Args: cobra.NoArgs,
		Long: "Starts a node with the centres of Palermo and Genova and the Comuni of Enna, Caltanissetta and Genova,\neach with an agent that follows a log, and plays an attack. Then you can sign in as each role.\nEverything lives in a temporary folder; nothing leaves this machine.",
	}
	story := c.Flags().Bool("story", false, "play to the end, print the times as JSON, and stop; exit 0 only if every step was seen")
	watch := c.Flags().String("watch", "", "a real log of this machine that Enna's agent follows as well")
	listen := c.Flags().String("listen", "", "address of the pages (default 127.0.0.1:8080, or a free port)")
	c.RunE = func(c *cobra.Command, _ []string) error {
		out := c.OutOrStdout()
		tell := io.Writer(out)
		if *story {
			tell = c.ErrOrStderr()
			*listen = "127.0.0.1:0"
		}
		fmt.Fprintln(tell, "filo: sto preparando il nodo, la mappa dei Comuni e tre agenti…")
		d, err := demo.Start(c.Context(), demo.Options{Watch: *watch, Listen: *listen, Out: tell, Log: logger("error")})
		if err != nil {
			return err
		}
		defer d.Close()
		steps, err := d.Story(c.Context(), func(s demo.Step) { fmt.Fprintf(tell, "%8.0f ms  %-18s  %s\n", s.Millis, s.Name, s.Detail) })
		if err != nil {
			return fmt.Errorf("the story stopped: %w", err)
		}
		if *story {
			enc := json.NewEncoder(out)
			enc.SetIndent("", " ")
			return enc.Encode(map[string]any{"complete": true, "steps": steps})
		}
		roles(out, d, *watch)
		<-c.Context().Done()
		fmt.Fprintln(out, "\nfilo: fermo tutto.")
		return nil
	}
	return c
}

func roles(w io.Writer, d *demo.Demo, watch string) {
	fmt.Fprintf(w, "\nApri  %s\n\nPassword di tutti: %s\nAl secondo passo usa uno dei codici di riserva (ognuno vale una volta):\n\n", d.URL, demo.Password)
	keys := make([]string, 0, len(d.People))
	for k := range d.People {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		p := d.People[k]
		fmt.Fprintf(w, "  %-52s %-42s %s  %s\n", p.Title, p.Login, p.Recovery[0], p.Recovery[1])
	}
	if watch != "" {
		fmt.Fprintf(w, "\nL'agente di Enna legge anche %s: pagina Agenti e pagina Rilevazioni del tecnico CED di Enna.\n", watch)
	}
	fmt.Fprintf(w, "\nProva tu: scrivi righe di sshd in %s\nFerma con Ctrl+C.\n", d.Logs["Enna"])
}
