// Package edge is the agent at a Comune's machine: it follows the logs, counts
// attempts, remembers what was seen, watches for indicators, and tells the node
// as soon as the line is up. Raw lines stay where they are.
package edge

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"filo/detection"
	"filo/internal/clock"
	"filo/internal/edge/keep"
	"filo/internal/edge/link"
	"filo/internal/edge/source"
	"filo/internal/history"
	"filo/internal/ids"
	"filo/internal/logline"
	"filo/internal/observable"
	"filo/internal/spool"
	"filo/internal/watch"
	"filo/internal/wire"
)

// Config is how an agent runs.
type Config struct {
	State   string // folder of identity, queue, look-back
	Sources []SourceConfig
	Version string
	Clock   clock.Clock
	Log     *slog.Logger
	Every   time.Duration   // how often logs are looked at; 0: 250 ms
	Limit   int64           // bytes of the queue on disk; 0: 256 MB
	Rules   *detection.Pack // Sigma rules of others; nil: none
	Keep    time.Duration   // how far the look-back reaches; 0: 90 days
	Budget  int64           // bytes of the look-back on disk; 0: 2 GB
	Lines   int64           // bytes of raw lines kept around findings; 0: 512 MB
	// Heard, when set, is told of steps as they happen; the demonstration listens.
	Heard func(step string, about string)
}

// SourceConfig names one log.
type SourceConfig struct {
	Name string `json:"name"` // as people call it; empty: the path
	Path string `json:"path"` // a path, or another kind of source: see source.Kinds
	// FromEnd passes over what is in the file at the first start.
	FromEnd bool `json:"from_end,omitempty"`
}

// Agent is a running agent. One goroutine reads and counts; another speaks with
// the node; they share the queue.
type Agent struct {
	c        Config
	client   *link.Client
	spool    *spool.Spool
	history  *history.History
	engine   *detection.Engine
	counts   *counts
	keeper   *keep.Keeper
	crawlers *crawlers
	list     *watch.List
	finder   observable.Finder
	sources  []*follow
	state    state
	started  time.Time
	lock     *os.File // the folder is ours
	disk     atomic.Pointer[string]
	changes  chan wire.ChangesPage
	wakeUp   chan struct{}
	offset   atomic.Int64   // nanoseconds, own clock minus the node's
	own      []netip.Prefix // networks of the body
	told     time.Time      // when the last status was queued
	grown    time.Time      // when growing findings were last told
	reading  bool           // a line was read since the start
	hunts    map[ids.ID]asked
	before   map[string]time.Time // of this step: when a match was told before
	broken   error                // what could not be opened again; nothing is read until it is
	tidying  atomic.Bool
	rolled   time.Time // when ended hours last became segments
	checked  time.Time // when the look-back was last read against its checksums
	tokens   []observable.Token
	keys     []observable.Key
	hits     []watch.Hit
}

type follow struct {
	SourceConfig
	source source.Source
	reader *logline.Reader
	stat   wire.Source
	now    checks
}

// state is what is kept in one file, replaced as a whole: positions together
// with the counts that the lines before them made.
type state struct {
	Positions map[string]source.Position `json:"positions"`
	Counts    countsMark                 `json:"counts"`
	History   history.Mark               `json:"history"` // how much of the look-back counts
	Cursor    uint64                     `json:"cursor"`  // last change applied
	Watched   *int                       `json:"watched"` // entries of the watch list; nil: it was never made
	Settings  wire.Settings              `json:"settings"`
	Matched   map[string]time.Time       `json:"matched"`          // when a match was last told
	Alerts    map[ids.ID]wire.Alert      `json:"alerts,omitempty"` // of the first version; now in a file of their own
}

const stateFile = "state.json"

// Open reads the agent's folder.
func Open(c Config) (*Agent, error) {
	if c.Every == 0 {
		c.Every = 250 * time.Millisecond
	}
	if c.Limit == 0 {
		c.Limit = 256 << 20
	}
	if c.Budget == 0 {
		c.Budget = 2 << 30
	}
	if c.Lines == 0 {
		c.Lines = 512 << 20
	}
	if c.Heard == nil {
		c.Heard = func(string, string) {}
	}
	id, err := link.Load(c.State)
	if err != nil {
		return nil, err
	}
	lock, err := spool.Lock(c.State)
	if errors.Is(err, spool.ErrLocked) {
		return nil, fmt.Errorf("an agent already runs with the folder %s: stop it first, two would tell everything twice", c.State)
	}
	if err != nil {
		return nil, err
	}
	a, err := open(c, id)
	if err != nil {
		lock.Close()
		return nil, err
	}
	a.lock = lock
	return a, nil
}

// open opens what the folder holds.
func open(c Config, id link.Identity) (*Agent, error) {
	var err error
	a := &Agent{c: c, crawlers: newCrawlers(c.Clock, net.DefaultResolver), changes: make(chan wire.ChangesPage), wakeUp: make(chan struct{}, 1), started: c.Clock.Now()}
	if a.client, err = link.New(c.State, id); err != nil {
		return nil, err
	}
	if a.spool, err = spool.Open(filepath.Join(c.State, "spool"), c.Limit); err != nil {
		return nil, err
	}
	if a.spool.Torn != "" {
		c.Log.Warn("queue cut off after a crash", "what", a.spool.Torn)
	}
	if a.finder.Seed, err = loadSeed(c.State); err != nil {
		return nil, err
	}
	if err := a.loadState(); err != nil {
		return nil, err
	}
	if err := a.openHistory(); err != nil {
		return nil, err
	}
	if err := a.openList(); err != nil {
		return nil, err
	}
	if a.keeper, err = keep.Open(filepath.Join(c.State, "kept"), c.Lines); err != nil {
		return nil, err
	}
	if len(a.keeper.Damaged) > 0 {
		c.Log.Warn("kept lines damaged, set aside", "files", a.keeper.Damaged)
	}
	return a, a.openSources()
}

// loadSeed gives the number under which this machine makes its keys; the first
// call chooses it.
func loadSeed(dir string) (observable.Seed, error) {
	path := filepath.Join(dir, "seed")
	b, err := os.ReadFile(path)
	if err == nil && len(b) != 8 {
		return 0, fmt.Errorf("%s is damaged: without it the look-back cannot be read; delete it together with the folder history", path)
	}
	if errors.Is(err, os.ErrNotExist) {
		b = make([]byte, 8)
		if _, err = crand.Read(b); err == nil {
			err = spool.WriteFile(path, b)
		}
	}
	if err != nil {
		return 0, err
	}
	return observable.Seed(binary.LittleEndian.Uint64(b)), nil
}

func (a *Agent) openHistory() error {
	h, err := history.Open(filepath.Join(a.c.State, "history"), a.finder.Seed, history.Options{Keep: a.c.Keep, Budget: a.c.Budget}, a.state.History)
	if err != nil {
		return err
	}
	a.history = h
	if bad := h.Health().Damaged; len(bad) > 0 {
		a.c.Log.Warn("look-back damaged, set aside", "files", bad)
	}
	return nil
}

func (a *Agent) loadState() error {
	b, err := os.ReadFile(filepath.Join(a.c.State, stateFile))
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return err
	default:
		if err := json.Unmarshal(b, &a.state); err != nil {
			return fmt.Errorf("%s is damaged: %w", filepath.Join(a.c.State, stateFile), err)
		}
	}
	s := &a.state
	if s.Positions == nil {
		s.Positions = map[string]source.Position{}
	}
	if s.Matched == nil {
		s.Matched = map[string]time.Time{}
	}
	if s.History == nil { // what is in a journal without a mark is read again
		s.History = history.Mark{}
	}
	a.before = map[string]time.Time{}
	if err := a.loadHunts(); err != nil {
		return err
	}
	if err := a.openEngine(); err != nil {
		return err
	}
	return a.moveAlerts()
}

// openEngine makes the engine and gives it the counts that the state names.
func (a *Agent) openEngine() error {
	g := detection.New(detection.Options{Foreign: a.c.Rules, Known: a.crawlers.allowed})
	c, err := openCounts(a.c.State, a.state.Counts, g)
	if err != nil {
		return err
	}
	a.engine, a.counts = g, c
	a.applySettings(a.state.Settings)
	return loadChains(a.c.State, a.engine)
}

func (a *Agent) applySettings(s wire.Settings) {
	var allow []detection.Allow
	for _, text := range s.Allow {
		p, err := detection.ParseAllow(text)
		if err != nil {
			a.c.Log.Warn("allow-list entry not understood", "entry", text, "err", err)
			continue
		}
		allow = append(allow, detection.Allow{Network: p})
	}
	var own []netip.Prefix
	for _, text := range s.Own {
		if p, err := detection.ParseAllow(text); err == nil {
			own = append(own, p)
		}
	}
	a.own = own
	a.engine.Set(allow, own)
}

func (a *Agent) openSources() error {
	for _, sc := range a.c.Sources {
		if sc.Name == "" {
			sc.Name = sc.Path
		}
		src, err := source.Open(sc.Path, a.state.Positions[sc.Path], source.Options{
			Dir: filepath.Join(a.c.State, "received"), FromEnd: sc.FromEnd, History: !sc.FromEnd, Own: a.own, Now: a.c.Clock.Now,
		})
		if err != nil {
			return err
		}
		// Where reading begins is known before anything is read: a first step that
		// fails must not go back to the beginning of a log that was passed over.
		if _, ok := a.state.Positions[sc.Path]; !ok {
			a.state.Positions[sc.Path] = src.Position()
		}
		f := &follow{
			SourceConfig: sc, source: src, stat: wire.Source{Name: sc.Name},
			reader: &logline.Reader{Zone: clock.Rome, Now: a.c.Clock.Now},
		}
		if h, ok := src.(source.Headed); ok { // columns named before the place where reading goes on
			h.Heads(func(line []byte) { f.reader.Parse(line) })
		}
		a.sources = append(a.sources, f)
	}
	return nil
}

// Run works until ctx ends.
func (a *Agent) Run(ctx context.Context) error {
	defer a.Close()
	done := make(chan struct{})
	ctx, stop := context.WithCancel(ctx)
	defer func() { stop(); <-done }()
	go func() { defer close(done); a.talk(ctx) }()
	go a.crawlers.run(ctx)
	a.status()
	var work sync.WaitGroup
	defer work.Wait()
	look := time.NewTicker(a.c.Every)
	defer look.Stop()
	slow := time.NewTicker(time.Minute)
	defer slow.Stop()
	for {
		select {
		case <-ctx.Done():
			return a.Step()
		case <-look.C:
			if err := a.Step(); err != nil {
				a.trouble(err)
			}
		case page := <-a.changes:
			if err := a.Apply(page); err != nil {
				a.trouble(err)
			}
		case <-slow.C:
			a.status()
			a.tidy(&work)
		}
	}
}

// tidy merges what the look-back holds and deletes what is too old, beside the
// reading; once a day it reads all of it, to find what the disk spoiled.
func (a *Agent) tidy(work *sync.WaitGroup) {
	if a.broken != nil || !a.tidying.CompareAndSwap(false, true) {
		return
	}
	h, now := a.history, a.c.Clock.Now()
	check := now.Sub(a.checked) >= 24*time.Hour
	if check {
		a.checked = now
	}
	work.Go(func() {
		defer a.tidying.Store(false)
		err := h.Tidy(now)
		if check {
			err = errors.Join(err, h.Check())
		}
		if err != nil {
			a.trouble(err)
		}
	})
}

// Close closes what Open opened; Run does it by itself.
func (a *Agent) Close() {
	for _, s := range a.sources {
		s.source.Close()
	}
	a.spool.Close()
	a.counts.close()
	if err := a.keeper.Flush(); err != nil {
		a.trouble(err)
	}
	a.keeper.Close()
	a.history.Close()
	a.list.Close()
	if a.lock != nil {
		a.lock.Close()
	}
}

// trouble says what is wrong with the disk, on the page and in the log. What
// could not be kept is read again: positions move only with what they made.
func (a *Agent) trouble(err error) {
	text := err.Error()
	if old := a.disk.Swap(&text); old == nil || *old != text {
		a.c.Log.Error("cannot keep what was read; nothing is dropped, trying again", "err", err)
	}
}
