// Command filo is the direct line between Comuni and the Polizia Postale: one
// binary, which is a node (serve), an agent (agent), a demonstration (demo), or
// a technician's tool without any server (scan).
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set at build time.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// exit is an error that only carries an exit code: all was said already.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit %d", int(e)) }

func run(ctx context.Context, args []string) int {
	root := &cobra.Command{
		Use:   "filo",
		Short: "The direct line between Comuni and the Polizia Postale",
		Long: "filo is the direct line between Comuni and the cyber centres of the Polizia Postale.\n\n" +
			"New here? Try the demonstration:    filo demo\n" +
			"Only a log to look at?              filo scan /var/log/auth.log\n" +
			"A machine of a Comune to connect?   filo enrol CODE --node https://... && filo agent --log /var/log/auth.log\n" +
			"A centre to set up?                 filo init && filo serve",
		SilenceUsage: true, SilenceErrors: true,
	}
	root.AddCommand(scanCmd(), serveCmd(), initCmd(), enrolCmd(), agentCmd(), territoryCmd(), receiptCmd(), indicatorCmd(), doctorCmd(), demoCmd(), versionCmd())
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if code, ok := err.(exit); ok {
		return int(code)
	}
	fmt.Fprintln(os.Stderr, "filo: "+err.Error())
	if len(args) > 0 {
		fmt.Fprintf(os.Stderr, "try: filo %s --help\n", args[0])
	}
	return 2
}

func versionCmd() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Run: func(c *cobra.Command, _ []string) { fmt.Fprintln(c.OutOrStdout(), "filo "+version) },
	}
}
