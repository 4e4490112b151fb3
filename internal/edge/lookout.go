package edge

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"filo/internal/logline"
	"filo/internal/observable"
	"filo/internal/stix/pattern"
	"filo/internal/watch"
)

// Hit is an indicator that was seen in the logs that were scanned.
type Hit struct {
	Indicator string    `json:"indicator"` // value, or the pattern
	Kind      string    `json:"kind"`
	Name      string    `json:"name,omitempty"` // as the file of indicators calls it
	Log       string    `json:"log"`
	Count     int       `json:"count"`
	First     time.Time `json:"first,omitzero"`
	Last      time.Time `json:"last,omitzero"`
	Sample    string    `json:"sample"`
}

// Lookout looks for indicators in the lines of a scan: values as whole tokens,
// networks, and STIX patterns that one event can answer.
type Lookout struct {
	list     *watch.List
	finder   observable.Finder
	patterns map[string]pattern.Expression // by name
	tokens   []observable.Token
	found    []watch.Hit
	raw      []byte
	log      string
	seen     map[[3]string]*Hit
	Err      error // of the disk
}

// NewLookout watches for what a file of indicators held, in a temporary folder.
func NewLookout(dir string, in watch.Indicators) (*Lookout, error) {
	l := &Lookout{finder: observable.Finder{Seed: 1}, patterns: map[string]pattern.Expression{}, seen: map[[3]string]*Hit{}}
	var err error
	if l.list, _, err = watch.Open(dir, l.finder.Seed); err != nil {
		return nil, err
	}
	for _, p := range in.Patterns {
		l.patterns[p.Text] = p.Expression
	}
	return l, l.list.Replace(slices.Values(in.Entries))
}

// Close lets the folder go.
func (l *Lookout) Close() error { return l.list.Close() }

// line finds what stands in a raw line.
func (l *Lookout) line(log string, line []byte) {
	l.log, l.raw = log, line
	l.tokens = l.finder.Find(line, l.tokens[:0])
	var err error
	if l.found, err = l.list.Match(line, l.tokens, l.found[:0]); err != nil {
		l.Err = err
	}
}

// event counts what line found, now that its time is known, and asks the
// patterns that named one of its values. It gives how many indicators fit.
func (l *Lookout) event(e *logline.Event) uint64 {
	var n uint64
	var observed []pattern.Observation
	for _, h := range l.found {
		for _, name := range h.Names {
			text, isPattern := strings.CutPrefix(name, watch.PatternName)
			if !isPattern {
				l.count(h.Value.Value, h.Value.Kind, name, e.Time)
				n++
				continue
			}
			if observed == nil {
				observed = []pattern.Observation{observation(e, l.raw, l.tokens)}
			}
			if _, ok, err := l.patterns[text].Match(observed); err == nil && ok {
				l.count(text, "pattern", "", e.Time)
				n++
			}
		}
	}
	return n
}

func (l *Lookout) count(value, kind, name string, at time.Time) {
	k := [3]string{value, name, l.log}
	h := l.seen[k]
	if h == nil {
		h = &Hit{Indicator: value, Kind: kind, Name: name, Log: l.log, First: at, Last: at, Sample: strings.ToValidUTF8(string(l.raw[:min(len(l.raw), 512)]), "?")}
		l.seen[k] = h
	}
	h.Count++
	if at.Before(h.First) {
		h.First = at
	}
	if at.After(h.Last) {
		h.Last = at
	}
}

func (l *Lookout) hits() []Hit {
	out := make([]Hit, 0, len(l.seen))
	for _, h := range l.seen {
		out = append(out, *h)
	}
	slices.SortFunc(out, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Indicator, b.Indicator), strings.Compare(a.Log, b.Log))
	})
	return out
}

// observation is a line as the observed data of STIX: the values in it, and the
// connection that it tells of.
func observation(e *logline.Event, line []byte, tokens []observable.Token) pattern.Observation {
	o := pattern.Observation{ID: "line", First: e.Time, Last: e.Time, Number: 1, Objects: map[string]map[string]any{}}
	add := func(key string, object map[string]any) {
		if o.Objects[key] == nil {
			o.Roots = append(o.Roots, key)
		}
		o.Objects[key] = object
	}
	for _, t := range tokens {
		v, ok := t.Value(line)
		if !ok {
			continue
		}
		switch v.Kind {
		case observable.MD5, observable.SHA1, observable.SHA256, observable.SHA512:
			names := map[string]string{observable.MD5: "MD5", observable.SHA1: "SHA-1", observable.SHA256: "SHA-256", observable.SHA512: "SHA-512"}
			add(v.Value, map[string]any{"type": "file", "hashes": map[string]any{names[v.Kind]: v.Value}})
		default:
			add(v.Kind+v.Value, map[string]any{"type": v.Kind, "value": v.Value})
		}
	}
	if e.Source.IsValid() || e.Dest.IsValid() {
		add("traffic", traffic(e, add))
	}
	if len(e.User) > 0 {
		add("user", map[string]any{"type": "user-account", "user_id": string(e.User), "account_login": string(e.User)})
	}
	return o
}

func traffic(e *logline.Event, add func(string, map[string]any)) map[string]any {
	t := map[string]any{"type": "network-traffic"}
	if e.Source.IsValid() {
		kind := observable.IPv4
		if e.Source.Is6() {
			kind = observable.IPv6
		}
		add("source", map[string]any{"type": kind, "value": e.Source.String()})
		t["src_ref"] = "source"
	}
	if e.Dest.IsValid() {
		kind := observable.IPv4
		if e.Dest.Is6() {
			kind = observable.IPv6
		}
		add("destination", map[string]any{"type": kind, "value": e.Dest.String()})
		t["dst_ref"] = "destination"
	}
	if e.SrcPort > 0 {
		t["src_port"] = json.Number(strconv.Itoa(e.SrcPort))
	}
	if e.DestPort > 0 {
		t["dst_port"] = json.Number(strconv.Itoa(e.DestPort))
	}
	if e.Proto != "" {
		t["protocols"] = []any{e.Proto}
	}
	return t
}
