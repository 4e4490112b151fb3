// Package winevent follows the event log of a Windows machine through its own
// interface, channel by channel. The place in each is a bookmark, Windows' own
// word for it, so that nothing is lost or doubled while the service restarts.
package winevent

// Config says what to follow.
type Config struct {
	Channels []string // such as Security, System; empty: the three that every machine has
	FromEnd  bool     // pass over what is there, when there is no position
}

// Why something was not given.
const (
	LostOverwritten = "records overwritten before they were read"
	LostRender      = "records that Windows could not render"
)
