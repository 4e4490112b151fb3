// Package report keeps what a Comune and its centre tell each other: the
// segnalazione, from the first frightened minute or the first phone call to the
// closure with its result. It goes both ways: the police can open one towards a
// Comune too.
package report

import (
	"context"
	"io"
	"slices"
	"time"

	"filo/access"
	"filo/internal/ids"
)

// Kind says what is reported. Vulnerability, threat and incident are distinct
// in the agreements; an attempt alone is a valid report.
type Kind string

// The kinds. Unclear is the AgID "evento anomalo": the centre classifies.
const (
	Incident      Kind = "incidente"
	Threat        Kind = "minaccia"
	Vulnerability Kind = "vulnerabilita"
	Attempt       Kind = "tentativo"
	Unclear       Kind = "non_so"
)

// Kinds lists them in the order of the form.
var Kinds = []Kind{Incident, Attempt, Threat, Vulnerability, Unclear}

// Sign is one of the eight pictures of the form: what a person sees.
type Sign string

// The signs.
const (
	SignLocked  Sign = "file_bloccati" // files will not open
	SignRansom  Sign = "riscatto"      // a demand for money
	SignMail    Sign = "mail_strane"   // strange mails
	SignLogin   Sign = "accesso"       // somebody logged in
	SignDefaced Sign = "sito_cambiato" // the site changed
	SignDown    Sign = "fermo"         // everything slow or down
	SignGone    Sign = "dati_spariti"  // data gone
	SignOther   Sign = "altro"         // something else
)

// Signs lists them in the order of the form.
var Signs = []Sign{SignLocked, SignRansom, SignMail, SignLogin, SignDefaced, SignDown, SignGone, SignOther}

// Deeds lists what a person may have done already; the form shows the do and
// do-not advice beside it.
var Deeds = []string{"niente", "staccato_rete", "spento", "cambiato_password", "chiamato_fornitore", "salvato_prove", "ripristinato"}

// State is where a report stands.
type State string

// The states, in the order of life.
const (
	Draft    State = "bozza"
	Received State = "ricevuta"
	Taken    State = "presa_in_carico"
	Progress State = "in_lavorazione"
	Stable   State = "stabile"
	Closed   State = "chiusa"
	Returned State = "falso_positivo" // handed back, with how to tune
	Dropped  State = "annullata"      // a draft that was thrown away
)

var next = map[State][]State{
	Draft:    {Received, Dropped},
	Received: {Taken},
	Taken:    {Progress, Stable, Closed, Returned},
	Progress: {Stable, Closed, Returned},
	Stable:   {Progress, Closed, Returned},
	Closed:   {Progress},
	Returned: {Progress},
}

// MayFollow reports whether a report in state s may go to state t.
func (s State) MayFollow(t State) bool { return slices.Contains(next[s], t) }

// Open reports whether work is left: neither a draft nor ended.
func (s State) Open() bool {
	return s == Received || s == Taken || s == Progress || s == Stable
}

// Direction says who told whom.
type Direction string

// The directions.
const (
	Up   Direction = "dal_comune"    // the body tells the police
	Down Direction = "dalla_polizia" // the police tell the body
)

// How a report came in.
const (
	ByForm  = "modulo"
	ByPhone = "telefono" // typed by an officer during a call
	ByAgent = "agente"   // drafted by an agent from a finding
	ByAPI   = "api"
	ByAlert = "riscontro" // born from the answer "incident found"
)

// Report is one segnalazione. Five fields stay apart: TLP (who may know),
// Priority (how fast), Severity (ACN), Level 0-3 (who handles), Confidence.
type Report struct {
	ID        ids.ID
	Code      string // read on the phone
	Body      ids.ID
	Centre    ids.ID
	Direction Direction
	How       string
	Kind      Kind
	Signs     []Sign
	Now       bool // it is happening now
	Title     string
	Text      string
	Services  []string  // which services suffer
	Began     time.Time // zero: unknown
	Known     time.Time // since when the reporter knows
	Deeds     []string
	Caller    string // for ByPhone: who called, as a role

	State      State
	Priority   access.Priority
	Severity   access.Severity // empty until classified
	Level      int             // 0-3, after AgID
	TLP        access.TLP
	Confidence access.Confidence
	Taxonomy   []string // acn:predicate="value"
	Exercise   bool

	Author     ids.ID // who wrote it; empty for an agent
	AuthorName string
	TakenBy    ids.ID
	TakenName  string
	TakenAt    time.Time
	Due        time.Time // take in charge by then, else reminder and escalation
	Reminded   time.Time
	Escalated  time.Time
	ClosedAt   time.Time
	Result     string

	Finding ids.ID // the finding it was drafted from
	Alert   ids.ID // the alert whose answer opened it
	Step    int    // the page of the form a draft has reached
	Version int
	Created time.Time
	Sent    time.Time
}

// EventKind says what a step of the timeline is.
type EventKind string

// The kinds of events.
const (
	EvCreated    EventKind = "creata"
	EvSent       EventKind = "inviata"
	EvTaken      EventKind = "presa_in_carico"
	EvQuestion   EventKind = "domanda"
	EvMessage    EventKind = "messaggio"
	EvNote       EventKind = "nota" // for the police only
	EvState      EventKind = "stato"
	EvClassified EventKind = "classificata"
	EvReminded   EventKind = "sollecito"
	EvEscalated  EventKind = "inoltrata"
	EvFile       EventKind = "file"
	EvObservable EventKind = "osservabile"
	EvClosed     EventKind = "chiusa"
	EvReturned   EventKind = "falso_positivo"
	EvAlert      EventKind = "allerta"
)

// Event is one step: who, when it happened, when filo was told. Events are only
// ever added.
type Event struct {
	ID       ids.ID
	Report   ids.ID
	Kind     EventKind
	At       time.Time // when it happened or was known
	Recorded time.Time
	Person   ids.ID
	By       string // "Operatore di turno, Polizia Postale di Palermo"
	Police   bool   // the author sits on the police side
	Private  bool   // never shown to the body
	Text     string
	Answers  ids.ID // the question this message answers
	Open     bool   // a question that nobody answered yet
}

// Observable is a technical value of a report.
type Observable struct {
	ID     ids.ID
	Report ids.ID
	Kind   string // as wire.Indicator.Kind
	Value  string
	Role   string // attaccante, vittima, altro
	Added  time.Time
}

// Attachment is a file of a report. It is kept sealed, never rendered, and
// delivered only as an encrypted archive.
type Attachment struct {
	ID     ids.ID
	Report ids.ID
	Name   string
	Size   int64
	SHA256 string
	By     string
	Added  time.Time
}

// Filter asks for reports. Empty fields do not restrict.
type Filter struct {
	Body   ids.ID
	Centre ids.ID
	Open   bool // only with work left
	Drafts bool // only drafts (of the viewer's bodies)
	State  State
	Taker  ids.ID
	Text   string // code or words of the title
	After  string // cursor
	Limit  int    // at most 200
}

// Store is what this package needs from the database.
type Store interface {
	Do(ctx context.Context, f func(ctx context.Context) error) error
	// Insert fails with Conflict when the id or the code exists.
	Insert(ctx context.Context, v access.Viewer, r Report) error
	// Find fails with NotFound also when v may not know that it exists. Drafts
	// of a body are never shown to the police.
	Find(ctx context.Context, v access.Viewer, id ids.ID) (Report, error)
	// ByCode fails like Find.
	ByCode(ctx context.Context, v access.Viewer, code string) (Report, error)
	// Update fails with Conflict when the version is not the stored one.
	Update(ctx context.Context, v access.Viewer, r Report) error
	// Queue gives what waits, in the order in which it must be taken up:
	// happening now, then priority, then what is due first.
	Queue(ctx context.Context, v access.Viewer, f Filter) (list []Report, next string, err error)
	// List gives newest first.
	List(ctx context.Context, v access.Viewer, f Filter) (list []Report, next string, err error)
	// Overdue gives reports that nobody took in charge by the instant.
	Overdue(ctx context.Context, v access.Viewer, at time.Time, limit int) ([]Report, error)

	AddEvent(ctx context.Context, v access.Viewer, e Event) error
	// Events leaves private ones out for viewers of a body.
	Events(ctx context.Context, v access.Viewer, report ids.ID) ([]Event, error)
	// Answered marks the question as answered.
	Answered(ctx context.Context, v access.Viewer, report, question ids.ID) error
	AddObservable(ctx context.Context, v access.Viewer, o Observable) error
	Observables(ctx context.Context, v access.Viewer, report ids.ID) ([]Observable, error)
	// Seal reads content to its end and keeps it encrypted under blob. It fails
	// with TooLarge beyond max bytes and then keeps nothing. A blob that no
	// attachment names is removed after a day.
	Seal(ctx context.Context, blob ids.ID, content io.Reader, max int64) (size int64, sha256 string, err error)
	// AddFile names a sealed blob: its id is the attachment's.
	AddFile(ctx context.Context, v access.Viewer, a Attachment) error
	Files(ctx context.Context, v access.Viewer, report ids.ID) ([]Attachment, error)
	// FileContent opens a sealed file again.
	FileContent(ctx context.Context, v access.Viewer, report, id ids.ID) (Attachment, io.ReadCloser, error)
	// SeenElsewhere counts, for each value, how many other bodies named it in a
	// report that was sent.
	SeenElsewhere(ctx context.Context, v access.Viewer, report ids.ID) (map[string]int, error)
	// Counts gives how many reports are open and how many of them nobody took,
	// of the thousand that come first in the queue.
	Counts(ctx context.Context, v access.Viewer) (open, waiting int, err error)
}
