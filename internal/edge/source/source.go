// Package source opens the ways by which the logs of a Comune reach the agent:
// files, the journal, syslog from the network, flows, the event log of Windows
// and its files, mail messages, standard input. Each has a folder of its own;
// here a word of the configuration becomes one of them.
package source

import "filo/internal/edge/source/reading"

// What all sources share; see package reading.
type (
	Source   = reading.Source
	Position = reading.Position
	Counters = reading.Counters
	Headed   = reading.Headed
)

// MaxLine is the longest line given, in bytes.
const MaxLine = reading.MaxLine
