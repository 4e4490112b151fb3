// Package access answers one question for every page, list, feed and agent of
// filo: who may know this? A Comune sees all of its own and nothing of others;
// a centre sees its territory; the national centre sees everything.
package access

import (
	"context"
	"slices"
	"time"

	"filo/internal/ids"
)

// Kind is the seat from which a viewer looks.
type Kind string

// The seats, from the table of the design.
const (
	Nobody   Kind = ""
	Body     Kind = "ente"        // a person or agent of a Comune or in-house company
	Operator Kind = "gestore"     // a delegated operator: the bodies that delegated it
	Centre   Kind = "centro"      // an officer of a COSC
	National Kind = "nazionale"   // CNAIPIC
	ANCI     Kind = "anci"        // membership and training counts, never content
	Lab      Kind = "laboratorio" // evidence handed over to it
	System   Kind = "sistema"     // a job of the node itself
)

// Role is what a person does at their seat.
type Role string

// The roles of people. One person may hold several.
const (
	Technician Role = "tecnico"      // reports, answers alerts, runs agents
	Manager    Role = "responsabile" // signs, manages people of the body
	Reader     Role = "lettore"      // looks, never acts
	Officer    Role = "operatore"    // officer on duty at a centre
	Head       Role = "dirigente"    // head of a centre: people, agreements
	Admin      Role = "amministratore"
)

// Viewer is who is looking. Every read of the store takes one, right after the
// context; store/scope.go turns it into the SQL predicate.
type Viewer struct {
	Kind   Kind
	Person ids.ID   // the person; empty for agents and jobs
	Agent  ids.ID   // the agent; empty for people
	Name   string   // how the person appears: "Tecnico CED, Comune di Enna"
	Role   Role     // at this seat
	Body   ids.ID   // the body looked from, for Body, Operator, ANCI, Lab
	Bodies []ids.ID // all bodies whose content is visible, Body included, for Body and Operator
	Centre ids.ID   // the centre, for Centre
	Reason string   // why the node itself looks, for System
}

// AsSystem is the viewer of a job of the node; reason says which, for the audit.
func AsSystem(reason string) Viewer { return Viewer{Kind: System, Reason: reason} }

// OfBody is a viewer who sees exactly one body, such as its agent.
func OfBody(body ids.ID) Viewer { return Viewer{Kind: Body, Body: body, Bodies: []ids.ID{body}} }

// Police reports whether the viewer sits at a centre or at the national centre.
func (v Viewer) Police() bool { return v.Kind == Centre || v.Kind == National }

// Sees reports whether content that belongs to body, in the territory of
// centre, is visible to v. It is the twin of the predicate in store/scope.go.
func (v Viewer) Sees(body, centre ids.ID) bool {
	switch v.Kind {
	case System, National:
		return true
	case Centre:
		return centre != "" && centre == v.Centre
	case Body, Operator:
		return body != "" && slices.Contains(v.Bodies, body)
	default:
		return false
	}
}

// May reports whether the viewer's role allows acting, not only looking.
func (v Viewer) May(roles ...Role) bool {
	return v.Kind == System || slices.Contains(roles, v.Role)
}

// Acts reports whether the viewer may write content at all: everyone but readers.
func (v Viewer) Acts() bool { return v.Kind == System || (v.Kind != Nobody && v.Role != Reader) }

// TLP is the Traffic Light Protocol 2.0 mark: who may know. Upper case, untranslated.
type TLP string

// The marks of TLP 2.0, from narrow to wide.
const (
	TLPRed         TLP = "RED"
	TLPAmberStrict TLP = "AMBER+STRICT"
	TLPAmber       TLP = "AMBER"
	TLPGreen       TLP = "GREEN"
	TLPClear       TLP = "CLEAR"
)

// TLPs lists the marks from narrow to wide.
var TLPs = []TLP{TLPRed, TLPAmberStrict, TLPAmber, TLPGreen, TLPClear}

// Valid reports whether t is a mark of TLP 2.0.
func (t TLP) Valid() bool { return slices.Contains(TLPs, t) }

// Priority says how fast: it sets the time within which somebody must take charge.
type Priority string

// The priorities.
const (
	Urgent Priority = "urgente"
	High   Priority = "alta"
	Normal Priority = "normale"
	Low    Priority = "bassa"
)

// Priorities lists them from the fastest.
var Priorities = []Priority{Urgent, High, Normal, Low}

// Rank orders priorities in queues: 0 is the fastest.
func (p Priority) Rank() int {
	if i := slices.Index(Priorities, p); i >= 0 {
		return i
	}
	return len(Priorities)
}

// Valid reports whether p is a known priority.
func (p Priority) Valid() bool { return slices.Contains(Priorities, p) }

// Severity is the ACN severity of the effect on the public service
// (taxonomy acn:severity, July 2025).
type Severity string

// The ACN severities.
const (
	SeverityHigh   Severity = "high"
	SeverityMedium Severity = "medium"
	SeverityLow    Severity = "low"
	SeverityNone   Severity = "none"
)

// Severities lists them from the gravest.
var Severities = []Severity{SeverityHigh, SeverityMedium, SeverityLow, SeverityNone}

// Valid reports whether s is an ACN severity.
func (s Severity) Valid() bool { return slices.Contains(Severities, s) }

// Confidence is the Admiralty grade: reliability of the source A-F, then
// credibility of the news 1-6, such as "B2". Empty is "not graded".
type Confidence string

// Valid reports whether c is empty or a grade A1 to F6.
func (c Confidence) Valid() bool {
	return c == "" || len(c) == 2 && c[0] >= 'A' && c[0] <= 'F' && c[1] >= '1' && c[1] <= '6'
}

// Clause is one promise of an agreement; each switches a flow of data.
type Clause string

// The clauses, after the forms a-d of the reconstructed template.
const (
	ClauseSharing  Clause = "condivisione"  // (a) share and analyse information: alerts, indicators
	ClauseReport   Clause = "segnalazione"  // (b) report emergencies, both ways
	ClauseOrigin   Clause = "origine"       // (c) identify the origin of attacks
	ClauseComms    Clause = "comunicazioni" // (d) communications for emergencies
	ClauseTraining Clause = "formazione"
	ClauseLab      Clause = "laboratorio"
)

// Clauses lists them in the order of the template.
var Clauses = []Clause{ClauseSharing, ClauseReport, ClauseOrigin, ClauseComms, ClauseTraining, ClauseLab}

// Grants answers whether a flow is allowed: agreement implements it.
type Grants interface {
	// Covered fails with NotCovered when no agreement in force at the instant
	// gives body the clause.
	Covered(ctx context.Context, body ids.ID, c Clause, at time.Time) error
}

// Audit writes down who looked at what.
type Audit interface {
	// Read records that v looked at the thing; a read that cannot be recorded
	// must not be answered.
	Read(ctx context.Context, v Viewer, noun string, id ids.ID) error
}

// Waker tells open pages and agent links, here and on other nodes, that there
// is something to look at. It carries no content and may be lost without harm:
// the rows are the truth.
type Waker interface {
	Wake(ctx context.Context, topic string, about ...ids.ID)
}
