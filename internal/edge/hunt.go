package edge

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filo/detection"
	"filo/internal/edge/keep"
	"filo/internal/history"
	"filo/internal/ids"
	"filo/internal/observable"
	"filo/internal/sigma"
	"filo/internal/watch"
	"filo/internal/wire"
)

// Found is what a look-back says of one value.
type Found struct {
	Value string    `json:"value"`
	Kind  string    `json:"kind"`
	Name  string    `json:"name,omitempty"`
	Count uint64    `json:"count"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	Log   string    `json:"log"` // the one with most of them
}

// Hunted is the answer of a look-back: what was seen, what it covers, and what
// it could not be asked.
type Hunted struct {
	Found   []Found          `json:"found"`
	Asked   int              `json:"asked"`
	Cover   history.Coverage `json:"coverage"`
	Refused []string         `json:"refused,omitempty"`
}

// HuntHere asks the look-back of the agent whose folder is dir, which may run
// meanwhile.
func HuntHere(dir string, in watch.Indicators, now time.Time) (Hunted, error) {
	if _, err := os.Stat(filepath.Join(dir, "seed")); err != nil {
		return Hunted{}, fmt.Errorf("no agent keeps a look-back there: %w", err)
	}
	seed, err := loadSeed(dir)
	if err != nil {
		return Hunted{}, err
	}
	h, err := history.Peek(filepath.Join(dir, "history"), seed)
	if err != nil {
		return Hunted{}, err
	}
	defer h.Close()
	return hunt(h, seed, in.Entries, now)
}

func hunt(h *history.History, seed observable.Seed, entries []watch.Entry, now time.Time) (Hunted, error) {
	var out Hunted
	var keys []observable.Key
	of := map[observable.Key][]int{}
	for i, e := range entries {
		asked, err := seed.Ask(e.Value)
		if err != nil {
			out.Refused = append(out.Refused, err.Error())
			continue
		}
		out.Asked++
		for _, k := range asked {
			keys = append(keys, k)
			of[k] = append(of[k], i)
		}
	}
	seen, cover, err := h.Look(keys, now)
	out.Cover = cover
	found := map[int]*Found{}
	most := map[int]uint64{}
	for k, s := range seen {
		for _, i := range of[k] {
			f := found[i]
			if f == nil {
				f = &Found{Value: entries[i].Value.Value, Kind: entries[i].Value.Kind, Name: entries[i].Name, First: s.First, Last: s.Last}
				found[i] = f
			}
			f.Count += s.Count
			if s.First.Before(f.First) {
				f.First = s.First
			}
			if s.Last.After(f.Last) {
				f.Last = s.Last
			}
			if s.Count > most[i] {
				most[i], f.Log = s.Count, s.Log
			}
		}
	}
	for _, f := range found {
		out.Found = append(out.Found, *f)
	}
	slices.SortFunc(out.Found, func(a, b Found) int { return strings.Compare(a.Value, b.Value) })
	return out, err
}

// hunt answers a question of the centre; nil when its time is over.
func (a *Agent) hunt(h wire.Hunt) (*wire.HuntAnswer, error) {
	now := a.c.Clock.Now()
	if now.After(h.Until) {
		return nil, nil
	}
	var entries []watch.Entry
	out := &wire.HuntAnswer{Hunt: h.ID}
	for _, i := range h.Values {
		v, err := observable.Parse(i.Kind, i.Value)
		if err != nil {
			out.Refused = append(out.Refused, err.Error())
			continue
		}
		entries = append(entries, watch.Entry{Value: v})
	}
	got, err := hunt(a.history, a.finder.Seed, entries, now)
	if err != nil {
		return nil, err
	}
	out.Asked, out.Refused = got.Asked, append(out.Refused, got.Refused...)
	out.From, out.Until, out.Logs, out.Lines, out.Gaps = got.Cover.From, got.Cover.Until, got.Cover.Logs, got.Cover.Lines, len(got.Cover.Gaps)
	for _, f := range got.Found {
		out.Found = append(out.Found, wire.HuntHit{Kind: f.Kind, Value: f.Value, Count: f.Count, First: f.First, Last: f.Last, Log: f.Log})
	}
	if h.Rule != "" {
		a.huntRule(h.Rule, out)
	}
	a.hunted(h)
	out.Clip()
	return out, nil
}

// asked remembers the hunts that still run, for the lines that a person may let go.
type asked struct {
	Values []wire.Indicator `json:"values,omitempty"`
	Rule   string           `json:"rule,omitempty"`
	Until  time.Time        `json:"until"`
}

func (a *Agent) hunted(h wire.Hunt) {
	if a.state.Hunts == nil {
		a.state.Hunts = map[ids.ID]asked{}
	}
	for id, x := range a.state.Hunts {
		if a.c.Clock.Now().After(x.Until) {
			delete(a.state.Hunts, id)
		}
	}
	a.state.Hunts[h.ID] = asked{h.Values, h.Rule, h.Until}
}

// maxHunted bounds the bytes of each log that a rule, or the search for lines,
// reads.
const maxHunted = 512 << 20

// huntRule asks a Sigma rule about the logs that are still there.
func (a *Agent) huntRule(text string, out *wire.HuntAnswer) {
	pack, err := huntPack(text)
	if err != nil {
		out.RuleError = err.Error()
		return
	}
	a.reread(pack, func(l Line) bool {
		for _, r := range l.Rules {
			if r.Own {
				continue
			}
			out.RuleCount++
			if out.RuleFirst.IsZero() || l.Event.Time.Before(out.RuleFirst) {
				out.RuleFirst = l.Event.Time
			}
			if l.Event.Time.After(out.RuleLast) {
				out.RuleLast = l.Event.Time
			}
		}
		return true
	})
}

func huntPack(text string) (*detection.Pack, error) {
	rules, problems := sigma.ReadRules(strings.NewReader(text), "hunt", "")
	if len(problems) > 0 {
		return nil, errors.New(problems[0].What)
	}
	pack, problems, err := detection.Foreign(rules, nil, nil)
	if err == nil && len(problems) > 0 {
		err = errors.New(problems[0].What)
	}
	return pack, err
}

// reread takes the followed files from their beginning; each reports false to stop.
func (a *Agent) reread(pack *detection.Pack, each func(Line) bool) {
	for _, s := range a.sources {
		f, err := os.Open(strings.TrimPrefix(s.Path, "file:"))
		if err != nil {
			continue // gone meanwhile: nothing to say about it
		}
		more := true
		scan := &Scan{Clock: a.c.Clock, Options: detection.Options{Foreign: pack}, Each: func(l Line) {
			more = more && each(l)
		}}
		scan.read(s.Name, io.LimitReader(f, maxHunted))
		f.Close()
		if !more {
			return
		}
	}
}

// release gives the lines that a person of the body let go.
func (a *Agent) release(r wire.Release) *wire.Lines {
	if r.Finding != "" {
		kept, err := a.keeper.Find(r.Finding, r.Most)
		if err != nil {
			a.trouble(err)
		}
		if len(kept.Lines) == 0 {
			return nil // another agent's
		}
		return &wire.Lines{Finding: r.Finding, Lines: kept.Lines, Hashes: kept.Hashes, Head: kept.Head}
	}
	h, ok := a.state.Hunts[r.Hunt]
	if !ok {
		return nil
	}
	out := &wire.Lines{Hunt: r.Hunt}
	wanted := map[observable.Key]bool{}
	for _, i := range h.Values {
		if v, err := observable.Parse(i.Kind, i.Value); err == nil {
			keys, _ := a.finder.Seed.Ask(v)
			for _, k := range keys {
				wanted[k] = true
			}
		}
	}
	var pack *detection.Pack
	if h.Rule != "" {
		pack, _ = huntPack(h.Rule) // what is wrong with it was answered before
	}
	var tokens []observable.Token
	var keys []observable.Key
	a.reread(pack, func(l Line) bool {
		tokens = a.finder.Find(l.Raw, tokens[:0])
		keys = a.finder.Keys(l.Raw, tokens, keys[:0])
		if slices.ContainsFunc(keys, func(k observable.Key) bool { return wanted[k] }) || slices.ContainsFunc(l.Rules, func(r *detection.Rule) bool { return !r.Own }) {
			out.Lines = append(out.Lines, l.Log+": "+strings.ToValidUTF8(string(l.Raw[:min(len(l.Raw), 2000)]), "?"))
		}
		return len(out.Lines) < r.Most
	})
	if len(out.Lines) == 0 {
		return nil
	}
	return out
}

// VerifyKept checks the lines that the agent whose folder is dir keeps around
// findings; it gives how many frames hold.
func VerifyKept(dir string) (int, error) { return keep.VerifyFolder(filepath.Join(dir, "kept")) }
