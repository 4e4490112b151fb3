package main

import (
	"io"
	"strings"
	"testing"
)

func TestAServiceThatWouldFailWhereNobodyLooksIsNotInstalled(t *testing.T) {
	for args, want := range map[string]string{
		"":                        "no log to follow",
		"--log winevent:Security": "--state FOLDER",
		"--state=C:\\filo --log=winevent:Security":     "",
		"--state C:\\filo --log winevent:System --x=1": "",
	} {
		err := checkServiceArgs(strings.Fields(args))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestInstallHasItsOwnFlagsHandedToTheAgent(t *testing.T) {
	for _, c := range serviceCmds() {
		c.SetOut(io.Discard)
		c.SetErr(io.Discard)
		if c.Name() == "install" && !c.DisableFlagParsing {
			t.Error("install would take the agent's flags for its own")
		}
	}
}
