// Package alert keeps the allerte: what a centre tells the bodies concerned and
// nobody else, and the three answers each of them owes (riscontro).
package alert

import (
	"context"
	"time"

	"filo/access"
	"filo/internal/ids"
)

// State is where an alert stands.
type State string

// The states.
const (
	Draft     State = "bozza"
	Published State = "pubblicata"
	Recalled  State = "richiamata"
	Closed    State = "chiusa"
)

// Answer is one of the three outcomes of the AgID process, or none yet.
type Answer string

// The answers.
const (
	None     Answer = ""
	NotUs    Answer = "non_vulnerabile"   // (a) we do not have what it hits
	NoTrace  Answer = "nessuna_evidenza"  // (b) no evidence, monitoring raised
	Incident Answer = "incidente_trovato" // (c) incident found: opens its own report
)

// Answers lists the three choices in the order of the page.
var Answers = []Answer{NotUs, NoTrace, Incident}

// PreAnswer is what the body's agent found in its look-back.
type PreAnswer string

// The pre-answers.
const (
	PreWaiting PreAnswer = ""          // no agent has looked yet, or there is none
	PreClean   PreAnswer = "non_visto" // looked, not seen; coverage says how far
	PreSeen    PreAnswer = "visto"
)

// Alert is one allerta. The text never names the reporter.
type Alert struct {
	ID         ids.ID
	Code       string
	Centre     ids.ID // who issues it
	Author     ids.ID
	AuthorName string
	Report     ids.ID // where it came from; known to the police only
	Title      string
	What       string
	Advice     []string // what to do in the next hour, one step a line
	TLP        access.TLP
	Priority   access.Priority
	Confidence access.Confidence
	Audience   Audience
	State      State
	Exercise   bool
	Deadline   time.Time // answers are due by then
	Created    time.Time
	Published  time.Time
	Ended      time.Time
	Reason     string // of the recall
	Version    int
}

// Audience says whom an alert concerns. A body is concerned when it lies in the
// territory asked for and at least one other criterion fits, or none is given.
type Audience struct {
	Centres   []ids.ID `json:"centres,omitempty"` // empty: the issuer's own territory
	Provinces []string `json:"provinces,omitempty"`
	Kinds     []string `json:"kinds,omitempty"`    // comune, inhouse...
	Holdings  []string `json:"holdings,omitempty"` // products or suppliers they declared
	Networks  bool     `json:"networks,omitempty"` // only bodies whose networks are among the indicators
	Bodies    []ids.ID `json:"bodies,omitempty"`   // named one by one
	Except    []ids.ID `json:"except,omitempty"`   // the reporter, usually
}

// Recipient is one body that an alert concerns, and what came back from it.
type Recipient struct {
	Alert    ids.ID
	Body     ids.ID
	BodyName string
	Province string
	Centre   ids.ID
	Why      string // territorio, prodotto:NAME, rete:PREFIX, scelto
	Sent     time.Time
	Opened   time.Time
	Pre      PreAnswer
	PreAt    time.Time
	PreSeen  int       // how many indicators the look-back saw
	PreFrom  time.Time // how far back it looked
	PreLogs  int
	Answer   Answer
	Answered time.Time
	By       string
	Note     string
	Report   ids.ID // the report that "incident found" opened
	Reminded time.Time
}

// Waiting reports whether the body still owes its answer.
func (r Recipient) Waiting() bool { return r.Answer == None }

// Tally counts the answers to one alert.
type Tally struct {
	Sent, NotUs, NoTrace, Incident, Waiting int
	PreSeen, PreClean                       int
	Agents, Applied                         int // agents that must have it, and have it on disk
}

// Answered counts the bodies that answered.
func (t Tally) Answered() int { return t.NotUs + t.NoTrace + t.Incident }

// Filter asks for alerts. Empty fields do not restrict.
type Filter struct {
	Body    ids.ID // only those addressed to it
	Waiting bool   // only those that wait for the answer of Body
	State   State
	After   ids.ID
	Limit   int
}

// Store is what this package needs from the database.
type Store interface {
	Do(ctx context.Context, f func(ctx context.Context) error) error
	Insert(ctx context.Context, v access.Viewer, a Alert) error
	// Find fails with NotFound also when v may not know it: a body sees only
	// what was published to it, without the report it came from.
	Find(ctx context.Context, v access.Viewer, id ids.ID) (Alert, error)
	Update(ctx context.Context, v access.Viewer, a Alert) error
	// List gives newest first.
	List(ctx context.Context, v access.Viewer, f Filter) ([]Alert, error)

	// Concerned gives the bodies that an audience means and that an agreement in
	// force lets receive alerts. networks are the addresses and prefixes among
	// the indicators.
	Concerned(ctx context.Context, v access.Viewer, a Audience, issuer ids.ID, networks []string, at time.Time) ([]Recipient, error)
	AddRecipients(ctx context.Context, v access.Viewer, list []Recipient) error
	// Recipient fails with NotFound also when v may not know it.
	Recipient(ctx context.Context, v access.Viewer, alert, body ids.ID) (Recipient, error)
	UpdateRecipient(ctx context.Context, v access.Viewer, r Recipient) error
	// Recipients gives those that v may see, those who still owe an answer first.
	Recipients(ctx context.Context, v access.Viewer, alert ids.ID, after string, limit int) (list []Recipient, next string, err error)
	Tally(ctx context.Context, v access.Viewer, alert ids.ID) (Tally, error)
	// Waiting gives what waits for the answers of the viewer's bodies.
	Waiting(ctx context.Context, v access.Viewer, limit int) ([]Alert, error)

	// Publish appends to the log of changes that agents read: kind and payload
	// as in package wire. The alert's recipients are its audience.
	Publish(ctx context.Context, alert ids.ID, kind string, payload []byte) (seq int64, err error)
}
