package edge

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
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
	"filo/internal/spool"
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

// A question of many networks is asked a part at a time: each address of them
// is a key. More than four million keys are refused.
const (
	maxKeys  = 4 << 20
	partKeys = 1 << 17
)

func hunt(h *history.History, seed observable.Seed, entries []watch.Entry, now time.Time) (Hunted, error) {
	type pair struct {
		key   observable.Key
		entry int
	}
	var out Hunted
	var keys []observable.Key
	var of []pair
	found := map[int]*Found{}
	most := map[int]uint64{}
	look := func() error {
		seen, cover, err := h.Look(keys, now)
		out.Cover = cover
		for _, p := range of {
			if s := seen[p.key]; s != nil {
				count(found, most, entries, p.entry, s)
			}
		}
		keys, of = keys[:0], of[:0]
		return err
	}
	total := 0
	var bad error
	for i, e := range entries {
		asked, err := seed.Ask(e.Value)
		if err == nil && total+len(asked) > maxKeys {
			err = fmt.Errorf("%s %q: the question has more than %d addresses", e.Value.Kind, e.Value.Value, maxKeys)
		}
		if err != nil {
			out.Refused = append(out.Refused, err.Error())
			continue
		}
		out.Asked++
		total += len(asked)
		for _, k := range asked {
			keys, of = append(keys, k), append(of, pair{k, i})
			if len(keys) == partKeys {
				bad = errors.Join(bad, look())
			}
		}
	}
	bad = errors.Join(bad, look())
	for _, f := range found {
		out.Found = append(out.Found, *f)
	}
	slices.SortFunc(out.Found, func(a, b Found) int { return strings.Compare(a.Value, b.Value) })
	return out, bad
}

// count adds what was seen under one key to what its entry has.
func count(found map[int]*Found, most map[int]uint64, entries []watch.Entry, i int, s *history.Seen) {
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
	got, err := a.look(entries, now)
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
	if err := a.hunted(h); err != nil {
		return nil, err
	}
	out.Clip()
	for {
		b, err := json.Marshal(out)
		if err != nil || len(b) <= maxEvent || len(out.Found) == 0 {
			return out, err
		}
		out.Found = out.Found[:len(out.Found)*3/4]
	}
}

// asked remembers a hunt that still runs, for the lines that a person may let go.
type asked struct {
	Values []wire.Indicator `json:"values,omitempty"`
	Rule   string           `json:"rule,omitempty"`
	Until  time.Time        `json:"until"`
}

// huntsFile holds the hunts that still run.
const huntsFile = "hunts.json"

func (a *Agent) loadHunts() error {
	a.hunts = map[ids.ID]asked{}
	path := filepath.Join(a.c.State, huntsFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(b, &a.hunts)
	}
	if err != nil {
		return fmt.Errorf("%s is damaged: %w", path, err)
	}
	return nil
}

func (a *Agent) hunted(h wire.Hunt) error {
	maps.DeleteFunc(a.hunts, func(_ ids.ID, x asked) bool { return a.c.Clock.Now().After(x.Until) })
	a.hunts[h.ID] = asked{h.Values, h.Rule, h.Until}
	b, err := json.Marshal(a.hunts)
	if err != nil {
		return err
	}
	return spool.WriteFile(filepath.Join(a.c.State, huntsFile), b)
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
	read, skipped := a.reread(pack, func(l Line) bool {
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
	if out.RuleSkipped = skipped; read == 0 {
		out.RuleError = "no log could be read again"
	}
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

// reread takes the followed files from their beginning, and those that were
// rotated away; each reports false to stop. It gives what could not be read
// again, or only in part: about that nothing is known.
func (a *Agent) reread(pack *detection.Pack, each func(Line) bool) (read int, skipped []string) {
	more := true
	scan := &Scan{Clock: a.c.Clock, Options: detection.Options{Foreign: pack}, Each: func(l Line) { more = more && each(l) }}
	for _, s := range a.sources {
		path := strings.TrimPrefix(s.Path, "file:")
		st, err := os.Stat(path)
		if err != nil || !st.Mode().IsRegular() {
			skipped = append(skipped, s.Name+": non è un file, non si rilegge")
			continue
		}
		for _, p := range append(rotated(path), path) {
			part, err := scan.tail(p, s.Name)
			if err != nil {
				skipped = append(skipped, fmt.Sprintf("%s: %v", p, err))
				continue
			}
			if read++; part {
				skipped = append(skipped, fmt.Sprintf("%s: letti solo gli ultimi %d MB", p, maxHunted>>20))
			}
			if !more {
				return read, skipped
			}
		}
	}
	return read, append(skipped, scan.Troubles...)
}

// rotated gives the files that a log was before, by their names: auth.log.1,
// auth.log-20261101, auth.log.2.gz.
func rotated(path string) (out []string) {
	list, _ := os.ReadDir(filepath.Dir(path))
	for _, f := range list {
		after, ok := strings.CutPrefix(f.Name(), filepath.Base(path))
		if ok && after != "" && (after[0] == '.' || after[0] == '-') && f.Type().IsRegular() {
			out = append(out, filepath.Join(filepath.Dir(path), f.Name()))
		}
	}
	return out
}

// tail reads a file under the name of its log, of a long one the end.
func (s *Scan) tail(path, name string) (part bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return false, err
	}
	if st.Size() <= maxHunted {
		s.read(name, f)
		return false, nil
	}
	if filepath.Ext(path) == ".gz" || filepath.Ext(path) == ".zst" || filepath.Ext(path) == ".bz2" || filepath.Ext(path) == ".xz" {
		return false, fmt.Errorf("compresso e più lungo di %d MB, non si rilegge", maxHunted>>20) // its end alone cannot be unfolded
	}
	if _, err := f.Seek(st.Size()-maxHunted, io.SeekStart); err != nil {
		return true, err
	}
	r := bufio.NewReader(f)
	for { // to the beginning of a line
		if _, err := r.ReadSlice('\n'); !errors.Is(err, bufio.ErrBufferFull) {
			break
		}
	}
	s.read(name, r)
	return true, nil
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
	h, ok := a.hunts[r.Hunt]
	if !ok {
		return nil
	}
	out := &wire.Lines{Hunt: r.Hunt}
	wanted := map[observable.Key]bool{}
	var nets []netip.Prefix
	for _, i := range h.Values {
		v, err := observable.Parse(i.Kind, i.Value)
		if err != nil {
			continue // was refused when it was asked
		}
		if k, ok := a.finder.Seed.Of(v); ok {
			wanted[k] = true
		} else if p, err := netip.ParsePrefix(v.Value); err == nil {
			nets = append(nets, p)
		}
	}
	named := func(line []byte, tokens []observable.Token, keys []observable.Key) bool {
		return slices.ContainsFunc(keys, func(k observable.Key) bool { return wanted[k] }) ||
			len(nets) > 0 && slices.ContainsFunc(tokens, func(t observable.Token) bool {
				ip, ok := t.Addr(line)
				return ok && slices.ContainsFunc(nets, func(p netip.Prefix) bool { return p.Contains(ip) })
			})
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
		if named(l.Raw, tokens, keys) || slices.ContainsFunc(l.Rules, func(r *detection.Rule) bool { return !r.Own }) {
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
