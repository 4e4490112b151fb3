// Package indicator keeps what can be watched for: a value, how sure it is, how
// long it is worth watching, and who has it.
package indicator

import (
	"context"
	"time"

	"filo/access"
	"filo/internal/ids"
)

// State is where an indicator stands; expiry is read from ValidUntil.
type State string

// The states.
const (
	Live     State = "attivo"
	Recalled State = "richiamato"
)

// Indicator is a value to watch for, on behalf of the alert that carries it.
type Indicator struct {
	ID         ids.ID
	Alert      ids.ID
	Centre     ids.ID // who published it
	Kind       string // ipv4-addr ipv6-addr network domain-name url email-addr md5 sha1 sha256 sha512
	Value      string // in normal form
	TLP        access.TLP
	Confidence access.Confidence
	State      State
	ValidFrom  time.Time
	ValidUntil time.Time
	RecalledAt time.Time
	Reason     string // of the recall
	Exercise   bool
}

// Watched is an indicator with what came back about it.
type Watched struct {
	Indicator
	AlertCode string
	Agents    int // agents that must have it
	Applied   int // agents that said it is on their disk
	Seen      int // bodies whose agents saw it
}

// Validity says how long a kind is worth watching when nobody says otherwise:
// addresses change hands in days, hashes never.
func Validity(kind string) time.Duration {
	const day = 24 * time.Hour
	switch kind {
	case "ipv4-addr", "ipv6-addr", "network":
		return 14 * day
	case "url":
		return 30 * day
	case "domain-name", "email-addr":
		return 90 * day
	default:
		return 365 * day
	}
}

// LiveAt reports whether it is watched for at the instant.
func (i Indicator) LiveAt(t time.Time) bool {
	return i.State == Live && !t.Before(i.ValidFrom) && t.Before(i.ValidUntil)
}

// Filter asks for indicators. Empty fields do not restrict.
type Filter struct {
	Alert ids.ID
	Value string
	Live  bool
	After ids.ID
	Limit int
}

// Store is what this package needs from the database.
type Store interface {
	Do(ctx context.Context, f func(ctx context.Context) error) error
	Insert(ctx context.Context, v access.Viewer, list []Indicator) error
	// Find fails with NotFound also when v may not know it.
	Find(ctx context.Context, v access.Viewer, id ids.ID) (Indicator, error)
	// List gives newest first, each with who has it (police) or without.
	List(ctx context.Context, v access.Viewer, f Filter) ([]Watched, error)
	// Recall marks the indicators of an alert, or one of them, as taken back.
	Recall(ctx context.Context, v access.Viewer, alert, one ids.ID, at time.Time, reason string) ([]ids.ID, error)
	// Sighted records that the agent of a body saw it, count times in all.
	Sighted(ctx context.Context, v access.Viewer, s Sighting) error
	// Sightings gives who saw an indicator, as far as v may know.
	Sightings(ctx context.Context, v access.Viewer, id ids.ID) ([]Sighting, error)
}

// Sighting (avvistamento) says that the agent of a body saw an indicator.
type Sighting struct {
	Indicator ids.ID
	Body      ids.ID
	Agent     ids.ID
	Count     int
	First     time.Time
	Last      time.Time
	Log       string
	Back      bool // from the look-back, not from a new line
}
