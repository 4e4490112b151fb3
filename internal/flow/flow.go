// Package flow holds the procedures that join domains: a finding becomes a
// report, a report becomes a warning to others, their agents look back, and
// their answers come home.
package flow

import (
	"context"
	"log/slog"

	"filo/access"
	"filo/agent"
	"filo/alert"
	"filo/detection"
	"filo/hunt"
	"filo/indicator"
	"filo/internal/clock"
	"filo/internal/ids"
	"filo/report"
	"filo/territory"
)

// Flow joins the desks.
type Flow struct {
	Tx         Transactor
	Clock      clock.Clock
	Log        *slog.Logger
	Wake       access.Waker
	Grants     access.Grants
	Reports    *report.Desk
	Alerts     *alert.Desk
	Detections *detection.Desk
	Hunts      *hunt.Desk
	Agents     *agent.Desk
	AgentStore agent.Store
	Indicators indicator.Store
	Territory  territory.Store
}

// Transactor runs several writes as one; calls nest.
type Transactor interface {
	Do(ctx context.Context, f func(ctx context.Context) error) error
}

// Centre gives the centre of a body's territory.
func (f *Flow) Centre(ctx context.Context, body ids.ID) (ids.ID, error) {
	b, err := f.Territory.Body(ctx, access.AsSystem("instradamento"), body)
	return b.Centre, err
}
