package edge

import (
	"encoding/json"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"filo/internal/ids"
	"filo/internal/observable"
	"filo/internal/wire"
)

func (a *Agent) cursor() uint64 { return atomic.LoadUint64(&a.state.Cursor) }

// Apply takes changes from the node: what to watch for is on disk before the
// look-back runs and the node is told.
func (a *Agent) Apply(page wire.ChangesPage) error {
	var events []wire.Event
	news := page.Next > a.cursor()
	for _, c := range page.Changes {
		if c.Seq <= a.cursor() {
			continue
		}
		switch c.Kind {
		case wire.ChangeAlert:
			var al wire.Alert
			if err := json.Unmarshal(c.Payload, &al); err != nil {
				a.c.Log.Warn("alert not understood", "seq", c.Seq, "err", err)
				break
			}
			a.state.Alerts[al.ID] = al
			a.watch(al)
			ans, err := a.lookBack(al)
			if err != nil {
				return err
			}
			events = append(events, a.event(wire.EventAnswer, ans))
			a.c.Heard("alert", al.Code)
		case wire.ChangeRecall:
			var r wire.Recall
			if err := json.Unmarshal(c.Payload, &r); err != nil {
				a.c.Log.Warn("recall not understood", "seq", c.Seq, "err", err)
				break
			}
			// Without an agreement in force the same recalls come again and again.
			if a.unwatch(r) {
				news = true
				a.c.Heard("recall", string(r.Alert))
			}
		case wire.ChangeSettings:
			var s wire.Settings
			if err := json.Unmarshal(c.Payload, &s); err != nil {
				a.c.Log.Warn("settings not understood", "seq", c.Seq, "err", err)
				break
			}
			a.state.Settings = s
			a.applySettings(s)
		}
	}
	if !news {
		return nil
	}
	// First what is watched for, then what is told, then the cursor: a crash in
	// between fetches the same changes again, and repeats the same answers.
	if err := a.saveState(); err != nil {
		return err
	}
	next := max(page.Next, a.cursor())
	events = append(events, a.event(wire.EventApplied, wire.Applied{Seq: next}))
	if err := a.spool.Append(events...); err != nil {
		return err
	}
	atomic.StoreUint64(&a.state.Cursor, next)
	a.poke()
	return a.saveState()
}

func watchKey(alert, ind ids.ID) string { return string(alert) + "/" + string(ind) }

func (a *Agent) watch(al wire.Alert) {
	for _, i := range al.Indicators {
		if err := a.set.Add(i.Kind, i.Value, watchKey(al.ID, i.ID)); err != nil {
			a.c.Log.Warn("indicator not understood", "id", i.ID, "err", err)
		}
	}
}

// unwatch reports whether there was anything to take back.
func (a *Agent) unwatch(r wire.Recall) bool {
	al, ok := a.state.Alerts[r.Alert]
	if !ok {
		return false
	}
	named := map[ids.ID]bool{}
	for _, id := range r.Indicators {
		named[id] = true
	}
	var left []wire.Indicator
	for _, i := range al.Indicators {
		if len(r.Indicators) > 0 && !named[i.ID] {
			left = append(left, i)
			continue
		}
		a.set.Remove(i.Kind, i.Value, watchKey(al.ID, i.ID))
	}
	al.Indicators = left
	if len(left) == 0 {
		delete(a.state.Alerts, r.Alert)
		return true
	}
	a.state.Alerts[r.Alert] = al
	return true
}

// indicator finds the indicator of a watch key; live is false once it expired.
func (a *Agent) indicator(key string) (alert ids.ID, ind wire.Indicator, live bool) {
	al, id, _ := strings.Cut(key, "/")
	for _, i := range a.state.Alerts[ids.ID(al)].Indicators {
		if string(i.ID) == id {
			return ids.ID(al), i, a.c.Clock.Now().Before(i.ValidUntil)
		}
	}
	return "", ind, false
}

// lookBack asks the look-back whether an alert's indicators were seen.
func (a *Agent) lookBack(al wire.Alert) (wire.Answer, error) {
	now := a.c.Clock.Now()
	set := observable.NewSet()
	for _, i := range al.Indicators {
		_ = set.Add(i.Kind, i.Value, string(i.ID)) // what is not understood was logged by watch
	}
	seen, cover, err := a.history.Look(set, now)
	if err != nil {
		return wire.Answer{}, err
	}
	ans := wire.Answer{Alert: al.ID, From: cover.From, Until: cover.Until, Logs: cover.Logs, Lines: cover.Lines}
	if ans.From.IsZero() {
		ans.From = now
	}
	for _, i := range al.Indicators {
		if s := seen[string(i.ID)]; s != nil {
			ans.Seen = append(ans.Seen, wire.Seen{Indicator: i.ID, Count: s.Count, First: s.First, Last: s.Last, Log: s.Log})
		}
	}
	return ans, nil
}

// status tells the node how the agent is.
func (a *Agent) status() {
	s := wire.Status{
		Version: a.c.Version, System: runtime.GOOS + "/" + runtime.GOARCH, Host: hostname(), Spooled: a.spool.Len(),
		Live: a.set.Len(), Started: a.started,
	}
	if p := a.disk.Load(); p != nil {
		s.Disk = *p
	}
	for _, f := range a.sources {
		f.stat.Checks = f.now.list(time.Duration(a.offset.Load()))
		s.Sources = append(s.Sources, f.stat)
	}
	if err := a.spool.Append(a.event(wire.EventStatus, s)); err != nil {
		a.trouble(err)
		return
	}
	a.told = a.c.Clock.Now()
	a.poke()
}
