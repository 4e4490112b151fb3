// Package hunt is a question to the edges: an officer asks whether values, or
// what a Sigma rule describes, were seen in the logs of certain bodies. Their
// agents answer from their own look-back, at once or when they come back;
// nothing but counts leaves a Comune, and lines only when a person there lets them.
package hunt

import (
	"context"
	"strings"
	"time"

	"filo/access"
	"filo/internal/fault"
	"filo/internal/ids"
	"filo/internal/wire"
)

// Hunt is one question.
type Hunt struct {
	ID       ids.ID
	Code     string // as people say it over the phone
	Centre   ids.ID // that asks; empty: the national centre
	Title    string // what the bodies read
	Why      string // for the centre alone
	Values   []wire.Indicator
	Rule     string // Sigma, to be asked of the logs that the agents still have
	ByName   string
	Created  time.Time
	Until    time.Time // answers are taken until then
	Exercise bool
}

// Outcome is what a body's agents found.
type Outcome string

// The outcomes.
const (
	Waiting Outcome = ""          // no agent answered yet, or there is none
	Clean   Outcome = "non_visto" // every agent that answered has not seen it
	Seen    Outcome = "visto"
)

// Ask is a hunt as it is put to one body, with what came back.
type Ask struct {
	Hunt       ids.ID
	Body       ids.ID
	Centre     ids.ID // of the body
	BodyName   string
	Province   string
	Agents     int // that the body has
	Outcome    Outcome
	Answers    map[ids.ID]wire.HuntAnswer // by agent
	Answered   time.Time
	Released   time.Time // when a person let lines go
	ReleasedBy string
	Lines      []string // that came after it
}

// Tally counts the asks of a hunt.
type Tally struct {
	Asked, Answered, Seen, Released int
}

// Filter asks for hunts. Empty fields do not restrict.
type Filter struct {
	After ids.ID
	Limit int
}

// The limits of a hunt.
const (
	MaxTitle  = 160
	MaxWhy    = 2000
	MaxValues = 5000
	MaxRule   = 64 << 10
	MaxLines  = 200
	Life      = 14 * 24 * time.Hour // how long an agent that is away may still answer
)

// Store is what this package needs from the database.
type Store interface {
	Do(ctx context.Context, f func(ctx context.Context) error) error
	// Insert keeps a hunt and puts it to each body of asks, with one row of the log
	// of changes for each.
	Insert(ctx context.Context, v access.Viewer, h Hunt, asks []Ask, payload []byte) error
	// Find fails with NotFound also when v may not know it: bodies see what they
	// were asked, centres what they asked or what was asked in their territory.
	Find(ctx context.Context, v access.Viewer, id ids.ID) (Hunt, error)
	// List gives the latest first.
	List(ctx context.Context, v access.Viewer, f Filter) ([]Hunt, error)
	// Asks gives what v may see of a hunt's asks: hits first, then who has not answered.
	Asks(ctx context.Context, v access.Viewer, hunt ids.ID, limit int) ([]Ask, error)
	// Ask gives one; NotFound when the body was not asked or v may not know it.
	Ask(ctx context.Context, v access.Viewer, hunt, body ids.ID) (Ask, error)
	// Tally counts over what v may see.
	Tally(ctx context.Context, v access.Viewer, hunt ids.ID) (Tally, error)
	// PutAnswer keeps what an agent said, in place of what it said before.
	PutAnswer(ctx context.Context, v access.Viewer, a Ask) error
	// Release keeps who let lines go and tells the agents of the body. It fails with
	// Conflict when somebody did before.
	Release(ctx context.Context, v access.Viewer, hunt, body ids.ID, by string, at time.Time, payload []byte) error
}

func (h *Hunt) check() error {
	h.Title, h.Why = strings.TrimSpace(h.Title), strings.TrimSpace(h.Why)
	switch {
	case h.Title == "":
		return fault.Bad("title", "hunt.title.missing")
	case len(h.Title) > MaxTitle:
		return fault.Bad("title", "hunt.title.long", MaxTitle)
	case len(h.Why) > MaxWhy:
		return fault.Bad("why", "hunt.why.long", MaxWhy)
	case len(h.Values) == 0 && h.Rule == "":
		return fault.Bad("values", "hunt.values.missing")
	case len(h.Values) > MaxValues:
		return fault.Bad("values", "hunt.values.many", MaxValues)
	case len(h.Rule) > MaxRule:
		return fault.Bad("rule", "hunt.rule.long", MaxRule)
	}
	return nil
}
