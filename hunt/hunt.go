// Package hunt is a question to the edges: an officer asks whether values, or
// what a Sigma rule describes, were seen in the logs of certain bodies. Their
// agents answer from their own look-back, at once or when they come back;
// nothing but counts leaves a Comune, and lines only when a person there lets them.
package hunt

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
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
	Why      string // for the centre that asks, and the national one, alone
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
	Waiting Outcome = ""                 // no agent answered yet, or there is none
	Clean   Outcome = "non_visto"        // every agent that answered looked and has not seen it
	Unable  Outcome = "non_verificabile" // nothing seen, and an agent could not look: its answer says why
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
	Lines      Lines // that came after it
}

// Lines are the lines that came, by agent: one that sends again puts its new
// lines in place of its old ones.
type Lines map[ids.ID][]string

// All gives the lines of all agents.
func (l Lines) All() []string {
	var out []string
	for _, agent := range slices.Sorted(maps.Keys(l)) {
		out = append(out, l[agent]...)
	}
	return out
}

// UnmarshalJSON also reads a plain list, as rows were written before lines were
// kept by agent.
func (l *Lines) UnmarshalJSON(b []byte) error {
	var by map[ids.ID][]string
	if err := json.Unmarshal(b, &by); err == nil {
		*l = by
		return nil
	}
	var list []string
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	*l = Lines{"": list}
	return nil
}

// Tally counts the asks of a hunt.
type Tally struct {
	Asked, Answered, Seen, Unable, Released int
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
	// Asks gives what v may see of a hunt's asks: hits first, then who could not
	// look, then who has not answered.
	Asks(ctx context.Context, v access.Viewer, hunt ids.ID, limit int) ([]Ask, error)
	// Ask gives one; NotFound when the body was not asked or v may not know it.
	Ask(ctx context.Context, v access.Viewer, hunt, body ids.ID) (Ask, error)
	// Tally counts over what v may see.
	Tally(ctx context.Context, v access.Viewer, hunt ids.ID) (Tally, error)
	// Hold is Ask, and lets nobody else change that ask until the transaction ends.
	Hold(ctx context.Context, v access.Viewer, hunt, body ids.ID) (Ask, error)
	// PutAnswers keeps outcome and answers of an ask that is held.
	PutAnswers(ctx context.Context, v access.Viewer, a Ask) error
	// PutLines keeps the lines of an ask that is held.
	PutLines(ctx context.Context, v access.Viewer, a Ask) error
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
