// Package agent keeps the agents at the bodies' machines: how one is enrolled
// with a code, which certificate it holds, what it last said of itself, and
// what it must still be told.
package agent

import (
	"context"
	"time"

	"filo/access"
	"filo/internal/ids"
	"filo/internal/wire"
)

// Agent is one enrolled agent.
type Agent struct {
	ID        ids.ID
	Body      ids.ID
	Centre    ids.ID
	Host      string
	System    string
	Version   string
	Serial    string // of its certificate, hex
	NotAfter  time.Time
	Enrolled  time.Time
	By        string // who made the code
	Revoked   time.Time
	RevokedBy string
	LastSeen  time.Time
	Seq       uint64        // highest event on the node's disk
	Applied   int64         // highest change on the agent's disk
	Offset    time.Duration // the agent's clock minus the node's
	Status    wire.Status
}

// Silent reports whether the agent has not been heard of for longer than it
// should be.
func (a Agent) Silent(now time.Time) bool {
	return a.Revoked.IsZero() && now.Sub(a.LastSeen) > SilentAfter
}

// SilentAfter is how long an agent may say nothing before people are told: it
// speaks at least every minute.
const SilentAfter = 5 * time.Minute

// Enrolment is an open invitation for one agent.
type Enrolment struct {
	ID      ids.ID
	Body    ids.ID
	Hash    string // of the code; the code itself is shown once
	By      string
	Created time.Time
	Expires time.Time
	Used    time.Time
}

// Store is what this package needs from the database.
type Store interface {
	Do(ctx context.Context, f func(ctx context.Context) error) error
	AddEnrolment(ctx context.Context, v access.Viewer, e Enrolment) error
	// UseEnrolment marks the code as used and gives it back; of two callers only
	// one gets it. It fails with NotFound for unknown, used or expired codes.
	UseEnrolment(ctx context.Context, hash string, at time.Time) (Enrolment, error)
	Insert(ctx context.Context, v access.Viewer, a Agent) error
	// Find fails with NotFound also when v may not know it.
	Find(ctx context.Context, v access.Viewer, id ids.ID) (Agent, error)
	Update(ctx context.Context, v access.Viewer, a Agent) error
	// List gives the agents of a body, or all that v may see, silent ones first.
	List(ctx context.Context, v access.Viewer, body ids.ID, after string, limit int) (list []Agent, next string, err error)
	// Advance moves the agent's highest event on to seq, in the transaction that
	// keeps the events. It fails with Conflict when another batch was faster.
	Advance(ctx context.Context, id ids.ID, from, seq uint64, seen time.Time, offset time.Duration) error
	SetStatus(ctx context.Context, id ids.ID, s wire.Status, seen time.Time) error
	SetApplied(ctx context.Context, id ids.ID, seq int64, at time.Time) error
	// Changes gives the rows of the log of changes meant for this agent's body,
	// after seq, in order; next is where to go on even when there is none.
	Changes(ctx context.Context, body ids.ID, after int64, limit int) (list []wire.Change, next int64, err error)
	// Recalls gives the recalls among them, at most 500.
	Recalls(ctx context.Context, body ids.ID, after int64) ([]wire.Change, error)
	// AddChange appends a change for one body.
	AddChange(ctx context.Context, body ids.ID, kind string, payload []byte) (int64, error)
	// Settings gives what the body chose; Zero when it chose nothing.
	Settings(ctx context.Context, v access.Viewer, body ids.ID) (wire.Settings, error)
	PutSettings(ctx context.Context, v access.Viewer, body ids.ID, s wire.Settings) error
}

// Signer makes certificates: internal/pki implements it.
type Signer interface {
	// Sign makes a client certificate for the key of a PEM request. It fails
	// with Invalid when the request is not for a P-256 key or not signed by it.
	Sign(csr string, agent, body ids.ID, now time.Time) (cert, serial string, notAfter time.Time, err error)
	CA() string
}
