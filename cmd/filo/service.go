package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// serviceName is the agent's name among the services of Windows.
const serviceName = "filo-agent"

// serviceCmds are the words below "filo agent" that make it a service.
func serviceCmds() []*cobra.Command {
	install := &cobra.Command{
		Use: "install [flags of agent]", Short: "Make the agent a service of Windows",
		Long: "Registers a service that runs «filo agent» with the flags given here, starts by itself after the\n" +
			"machine's own services and again whenever it fails. Nothing is copied: the service runs this file,\n" +
			"so put it where it shall stay. Needs an administrator's prompt.",
		Example:            `  filo agent install --state C:\ProgramData\filo-agent --log winevent:Security,System`,
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			for _, a := range args {
				if a == "--help" || a == "-h" {
					return c.Help()
				}
			}
			if err := checkServiceArgs(args); err != nil {
				return err
			}
			if err := installService(args); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "installed      service %s: filo agent %s\nstarted        stop it with: sc stop %s\nremove         filo agent uninstall\n",
				serviceName, strings.Join(args, " "), serviceName)
			return nil
		},
	}
	uninstall := &cobra.Command{
		Use: "uninstall", Short: "Remove the service of Windows", Args: cobra.NoArgs,
		Long: "Stops the service and removes it. The agent's folder, with what waits to be sent, stays.",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := uninstallService(); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "removed        service %s\n", serviceName)
			return nil
		},
	}
	return []*cobra.Command{install, uninstall}
}

// checkServiceArgs refuses what would only fail later, where nobody looks.
func checkServiceArgs(args []string) error {
	log, state := false, false
	for _, a := range args {
		log = log || a == "--log" || strings.HasPrefix(a, "--log=")
		state = state || a == "--state" || strings.HasPrefix(a, "--state=")
	}
	if !log {
		return fmt.Errorf("no log to follow: add --log winevent:Security,System")
	}
	if !state {
		return fmt.Errorf("no folder: a service does not run in your name, so say where you enrolled: --state FOLDER")
	}
	return nil
}
