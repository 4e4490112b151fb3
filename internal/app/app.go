// Package app builds a node from its configuration and runs it: database, keys,
// desks, pages, API, link, clockwork, and the graceful stop.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"filo/access"
	"filo/agent"
	"filo/agreement"
	"filo/alert"
	"filo/detection"
	"filo/entry"
	"filo/hunt"
	"filo/internal/api"
	"filo/internal/clock"
	"filo/internal/config"
	"filo/internal/flow"
	"filo/internal/ids"
	"filo/internal/live"
	"filo/internal/pki"
	"filo/internal/store"
	"filo/report"
	"filo/territory"

	"github.com/VictoriaMetrics/metrics"
)

// Node is a node that was built and may run.
type Node struct {
	Config     config.Config
	Clock      clock.Clock
	Log        *slog.Logger
	DB         *store.DB
	Keys       *pki.Authority
	Hub        *live.Hub
	Territory  *territory.Desk
	Agreements *agreement.Desk
	Reports    *report.Desk
	Alerts     *alert.Desk
	Detections *detection.Desk
	Hunts      *hunt.Desk
	Agents     *agent.Desk
	Entry      *entry.Desk
	Flow       *flow.Flow
	Metrics    *metrics.Set
	counters   *api.Counters
}

// Build opens the database, reads or makes the keys, and joins the desks.
func Build(ctx context.Context, c config.Config, ck clock.Clock, log *slog.Logger) (*Node, error) {
	keys, err := pki.Load(filepath.Join(c.Data, "keys"), ck.Now())
	if err != nil {
		return nil, err
	}
	seal, err := store.LoadSealer(filepath.Join(c.Data, "keys", "seal.key"))
	if err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, c.Database, ck, seal)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	n := &Node{Config: c, Clock: ck, Log: log, DB: db, Keys: keys, Hub: live.New(), Metrics: metrics.NewSet()}
	n.join()
	db.OnWake(n.Hub.Wake)
	return n, nil
}

func (n *Node) join() {
	db, ck := n.DB, n.Clock
	n.Territory = territory.NewDesk(db.Territories(), ck)
	n.Agreements = agreement.NewDesk(db.Agreements(), ck, db)
	n.Reports = report.NewDesk(db.Reports(), ck, n.Agreements, db, db, n.times())
	n.Alerts = alert.NewDesk(db.Alerts(), ck, db, db)
	n.Detections = detection.NewDesk(db.Detections(), ck, db)
	n.Hunts = hunt.NewDesk(db.Hunts(), ck, db, db)
	n.Agents = agent.NewDesk(db.Agents(), ck, n.Agreements, n.Keys, db)
	n.Entry = entry.NewDesk(db.Entries(), ck, entry.NewPasswords(), n.Agreements.Delegated)
	n.Flow = &flow.Flow{
		Tx: db, Clock: ck, Log: n.Log, Wake: db, Grants: n.Agreements, Reports: n.Reports, Alerts: n.Alerts, Detections: n.Detections,
		Hunts: n.Hunts, Agents: n.Agents, AgentStore: db.Agents(), Indicators: db.Indicators(), Territory: db.Territories(),
	}
	n.counters = &api.Counters{
		Events:  n.Metrics.NewCounter("filo_agent_events_total"),
		Streams: n.Metrics.NewCounter("filo_agent_streams"),
	}
}

func (n *Node) times() report.Times {
	t := report.Times{}
	for p := range report.DefaultTimes {
		t[p] = report.DefaultTimes[p]
		if d := n.Config.Within(string(p)); d > 0 {
			t[p] = d
		}
	}
	return t
}

// names gives a body and its centre as agents show them.
func (n *Node) names(ctx context.Context, body ids.ID) (string, string) {
	v := access.AsSystem("nomi per l'agente")
	b, err := n.Territory.Body(ctx, v, body)
	if err != nil {
		return string(body), ""
	}
	c, err := n.Territory.Centre(ctx, v, b.Centre)
	if err != nil {
		return b.Name, string(b.Centre)
	}
	return b.Name, c.Name
}

// LinkHandler gives the agents' endpoints.
func (n *Node) LinkHandler() http.Handler {
	l := &api.Link{
		Agents: n.Agents, Flow: n.Flow, Hub: n.Hub, Clock: n.Clock, CA: n.Keys.CA(), Public: n.Config.Link.Public, Names: n.names,
		Guard: &api.Guard{Clock: n.Clock, Tries: 20, Window: 10 * time.Minute}, Count: n.counters,
	}
	return l.Handler()
}

// Serve runs the node on the two listeners until ctx ends, then lets running
// requests finish for at most ten seconds.
func (n *Node) Serve(ctx context.Context, pages, link net.Listener, handler http.Handler) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	srv := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: slog.NewLogLogger(n.Log.Handler(), slog.LevelDebug),
	}
	ag := &http.Server{
		Handler: n.LinkHandler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 5 * time.Minute,
		MaxHeaderBytes: 16 << 10, TLSConfig: n.Keys.TLS(n.Config.Link.Hosts, n.Clock.Now),
		BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: slog.NewLogLogger(n.Log.Handler(), slog.LevelDebug),
	}
	ag.Protocols = new(http.Protocols)
	ag.Protocols.SetHTTP1(true) // measured: HTTP/1.1 reaches streams sooner than HTTP/2
	errs := make(chan error, 2)
	go func() {
		if n.Config.TLS.Cert != "" {
			errs <- srv.ServeTLS(pages, n.Config.TLS.Cert, n.Config.TLS.Key)
			return
		}
		errs <- srv.Serve(pages)
	}()
	go func() { errs <- ag.ServeTLS(link, "", "") }()
	go n.DB.Listen(ctx)
	go n.tick(ctx)
	var err error
	select {
	case <-ctx.Done():
	case err = <-errs:
		n.Log.Error("listener ended", "err", err)
	}
	stop() // streams end with it
	grace, done := context.WithTimeout(context.Background(), 10*time.Second)
	defer done()
	err = errors.Join(ignoreClosed(err), ignoreClosed(srv.Shutdown(grace)), ignoreClosed(ag.Shutdown(grace)))
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// tick drives what happens by itself: reminders, escalation, sweeping.
func (n *Node) tick(ctx context.Context) {
	often, seldom := time.NewTicker(5*time.Second), time.NewTicker(time.Hour)
	defer often.Stop()
	defer seldom.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-often.C:
			n.Flow.Tick(ctx)
		case <-seldom.C:
			if _, err := n.DB.Sweep(ctx); err != nil {
				n.Log.Error("sweep", "err", err)
			}
		}
	}
}

// Close closes the database.
func (n *Node) Close() error { return n.DB.Close() }
