package edge

import (
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"time"

	"filo/internal/spool"
	"filo/internal/wire"
)

// growEvery is how often a growing finding is told again.
const growEvery = 2 * time.Second

// What is read before it is kept: 20,000 lines of each log, fewer of long ones.
const (
	batchLines = 20_000
	sliceLines = 500
	batchBytes = 16 << 20
)

// Step reads what is new in every log, and keeps what it means: first the
// look-back, then the queue, then position and counts in one file. A crash in
// between repeats lines; findings carry absolute counts under one key, so that
// the node counts nothing twice.
func (a *Agent) Step() error {
	if a.broken != nil {
		if a.broken = a.reopen(); a.broken != nil {
			return a.broken
		}
	}
	var events []wire.Event
	read := 0
	for _, s := range a.sources {
		var n, size int
		var err error
		for more := true; more; {
			var got int
			got, err = s.source.Read(sliceLines, func(line []byte) error {
				size += len(line)
				ev, err := a.line(s, line)
				events = append(events, ev...)
				return err
			})
			n += got
			more = err == nil && got == sliceLines && n < batchLines && size < batchBytes && !a.history.Full()
		}
		read += n
		c := s.source.Counters()
		s.stat.Cut, s.stat.Dropped, s.stat.Notes, s.stat.Lag = c.Cut, c.Dropped, c.Notes, c.Lag
		s.stat.Trouble = ""
		if err != nil {
			s.stat.Trouble = err.Error()
		}
	}
	for _, f := range a.engine.Sweep(a.c.Clock.Now()) {
		events = append(events, a.event(wire.EventFinding, f))
	}
	// What grew is told every few seconds, not with every line.
	if now := a.c.Clock.Now(); now.Sub(a.grown) >= growEvery {
		a.grown = now
		for _, f := range a.engine.Grown() {
			events = append(events, a.event(wire.EventFinding, f))
		}
	}
	if read == 0 && len(events) == 0 {
		return nil
	}
	if err := a.keep(events); err != nil {
		a.undo()
		return err
	}
	a.disk.Store(nil)
	// People see at once that a new source is read, then every few seconds.
	if now := a.c.Clock.Now(); read > 0 && (!a.reading || now.Sub(a.told) >= 10*time.Second) {
		a.reading = true
		a.status()
	}
	if len(events) > 0 {
		a.poke()
	}
	return nil
}

func (a *Agent) keep(events []wire.Event) error {
	mark, err := a.history.Flush()
	if err != nil {
		return err
	}
	if err := a.keeper.Flush(); err != nil {
		return err
	}
	if err := a.spool.Append(events...); err != nil {
		return err
	}
	counted, err := a.counts.save(a.engine)
	if err != nil {
		return err
	}
	// Together or not at all: what the state says is what undo goes back to.
	old := a.state
	old.Positions = maps.Clone(a.state.Positions)
	a.state.History, a.state.Counts = mark, counted
	for _, s := range a.sources {
		a.state.Positions[s.Path] = s.source.Position()
	}
	if err := a.saveState(); err != nil {
		a.state.History, a.state.Counts, a.state.Positions = old.History, old.Counts, old.Positions
		return err
	}
	clear(a.before)
	if err := a.counts.kept(); err != nil {
		return err
	}
	now := a.c.Clock.Now()
	if !a.history.Full() && now.Sub(a.rolled) < time.Minute {
		return nil
	}
	a.rolled = now
	maps.DeleteFunc(a.state.Matched, func(_ string, last time.Time) bool { return now.Sub(last) >= matchEvery })
	return errors.Join(saveChains(a.c.State, a.engine), a.history.Roll(now))
}

// undo goes back to what is on disk: the lines will be read again.
func (a *Agent) undo() {
	for k, before := range a.before {
		if a.state.Matched[k] = before; before.IsZero() {
			delete(a.state.Matched, k)
		}
	}
	clear(a.before)
	if a.broken = a.reopen(); a.broken != nil {
		a.trouble(a.broken)
	}
}

// reopen opens what a step writes to as the state says; what fails here is tried
// again before anything is read.
func (a *Agent) reopen() error {
	a.counts.close()
	if err := a.openEngine(); err != nil {
		return err
	}
	a.history.Close()
	if err := a.openHistory(); err != nil {
		return err
	}
	for _, s := range a.sources {
		if err := s.source.Rewind(a.state.Positions[s.Path]); err != nil {
			return err
		}
	}
	return nil
}

func (a *Agent) saveState() error {
	b, err := json.Marshal(a.state)
	if err != nil {
		return err
	}
	return spool.WriteFile(filepath.Join(a.c.State, stateFile), b)
}

func (a *Agent) event(kind string, payload any) wire.Event {
	b, err := json.Marshal(payload)
	if err != nil {
		b = []byte("null")
	}
	return wire.Event{Kind: kind, At: a.c.Clock.Now(), Payload: b}
}

// line takes one line through everything: meaning, matching, remembering,
// counting. What may fail comes before what counts: a line that failed is read
// again, and must not be an attempt more each time.
func (a *Agent) line(s *follow, line []byte) ([]wire.Event, error) {
	now := a.c.Clock.Now()
	e, ok := s.reader.Parse(line)
	if e.Time.IsZero() {
		e.Time, e.Zone = now, "assumed"
	}
	a.tokens = a.finder.Find(line, a.tokens[:0])
	var err error
	if a.hits, err = a.list.Match(line, a.tokens, a.hits[:0]); err != nil {
		return nil, err
	}
	a.keys = a.finder.Keys(line, a.tokens, a.keys[:0])
	if err := a.history.Line(now, e.Time, s.Name, a.keys); err != nil {
		return nil, err
	}
	var out []wire.Event
	for _, h := range a.hits {
		for _, name := range h.Names {
			s.stat.Matched++
			out = a.match(out, h.Value.Value, name, e.Time, s.Name)
		}
	}
	s.stat.Lines++
	s.stat.LastLine = now
	s.now.see(e)
	a.keeper.Line(s.Name, now, line)
	if !ok {
		s.stat.Unknown++
		return out, nil
	}
	s.stat.Parsed++
	s.stat.Product = e.Product
	before := a.engine.Allowed
	for _, f := range a.engine.Feed(e, line, s.Name) {
		a.keeper.Mark(s.Name, f.Key, now)
		out = append(out, a.event(wire.EventFinding, f))
		a.c.Heard("finding", f.Rule+" "+f.SourceIP)
	}
	s.stat.Allowed += a.engine.Allowed - before
	return out, nil
}

// matchEvery is how often the same indicator is told again from the same log.
const matchEvery = 10 * time.Minute

func (a *Agent) match(out []wire.Event, value, name string, at time.Time, log string) []wire.Event {
	alert, ind, until := unname(name)
	if !a.c.Clock.Now().Before(until) {
		return out
	}
	k := name + " " + log
	last, ok := a.state.Matched[k]
	if ok && a.c.Clock.Now().Sub(last) < matchEvery {
		return out
	}
	if _, ok := a.before[k]; !ok {
		a.before[k] = last
	}
	a.state.Matched[k] = a.c.Clock.Now()
	a.c.Heard("match", value)
	return append(out, a.event(wire.EventMatch, wire.Match{Indicator: ind, Alert: alert, At: at, Log: log}))
}
