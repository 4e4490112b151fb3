package watch

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"filo/internal/observable"
	"filo/internal/stix/pattern"
)

// MaxIndicators is the largest file of indicators, in bytes.
const MaxIndicators = 512 << 20

// PatternName begins the name of a value that stands for a STIX pattern: it is
// looked for so that the pattern is asked only about lines that carry it.
const PatternName = "pattern:"

// Indicators is what a file of indicators holds.
type Indicators struct {
	Format   string // list, csv, stix, misp
	Entries  []Entry
	Patterns []Pattern
	Problems []Problem // what was passed over, and why
}

// Pattern is a STIX pattern that one event can answer; its values are among the
// entries.
type Pattern struct {
	Text       string
	Expression pattern.Expression
}

// Problem is one thing in a file that was not taken.
type Problem struct {
	Where string // "line 7", or the id of an object
	What  string
}

// maxProblems bounds what is told of a file that is no file of indicators.
const maxProblems = 1000

func (in *Indicators) problem(where, format string, args ...any) {
	if len(in.Problems) < maxProblems {
		in.Problems = append(in.Problems, Problem{where, fmt.Sprintf(format, args...)})
	}
}

// ReadIndicators reads a file of indicators and recognises it by itself: a plain
// list (one value a line, # begins a comment), a CSV with a head, a STIX 2.x
// bundle, or a MISP event. What cannot be taken is told and the rest is.
func ReadIndicators(r io.Reader) (Indicators, error) {
	var in Indicators
	b, err := io.ReadAll(io.LimitReader(r, MaxIndicators+1))
	if err != nil {
		return in, err
	}
	if len(b) > MaxIndicators {
		return in, fmt.Errorf("the file is larger than %d MB", MaxIndicators>>20)
	}
	b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")))
	switch {
	case len(b) == 0:
		return in, errors.New("the file is empty")
	case b[0] == '{' || b[0] == '[':
		err = in.json(b)
	case looksCSV(b):
		in.Format = "csv"
		err = in.csv(b)
	default:
		in.Format = "list"
		in.list(b)
	}
	return in, err
}

func (in *Indicators) list(b []byte) {
	n := 0
	for line := range bytes.Lines(b) {
		n++
		text, _, _ := strings.Cut(string(line), " #")
		text = strings.TrimSpace(text)
		if text == "" || text[0] == '#' || text[0] == ';' || strings.HasPrefix(text, "//") {
			continue
		}
		// Lists of addresses often carry a score behind a tab.
		text, _, _ = strings.Cut(text, "\t")
		in.value(fmt.Sprintf("line %d", n), text, "")
	}
}

func (in *Indicators) value(where, text, name string) {
	v, err := observable.Guess(text)
	if err != nil {
		in.problem(where, "%v", err)
		return
	}
	in.Entries = append(in.Entries, Entry{v, name})
}

var valueColumns = []string{"value", "indicator", "ioc", "observable", "valore", "ip", "domain", "dominio", "url", "hash", "md5", "sha1", "sha256", "address", "indirizzo"}

func separator(b []byte) rune {
	head, _, _ := bytes.Cut(b, []byte("\n"))
	best, most := ',', 0
	for _, c := range ",;\t" {
		if n := bytes.Count(head, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}

func looksCSV(b []byte) bool {
	head, _, _ := bytes.Cut(b, []byte("\n"))
	cells := strings.Split(strings.ToLower(string(head)), string(separator(b)))
	return len(cells) > 1 && slices.ContainsFunc(cells, func(c string) bool { return slices.Contains(valueColumns, strings.Trim(c, "\" \r")) })
}

func (in *Indicators) csv(b []byte) error {
	r := csv.NewReader(bytes.NewReader(b))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes, r.ReuseRecord = separator(b), -1, true, true
	head, err := r.Read()
	if err != nil {
		return fmt.Errorf("the head of the CSV: %w", err)
	}
	var columns []int
	for i, c := range head {
		if slices.Contains(valueColumns, strings.ToLower(strings.TrimSpace(c))) {
			columns = append(columns, i)
		}
	}
	for {
		row, err := r.Read()
		line, _ := r.FieldPos(0)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			in.problem(fmt.Sprintf("line %d", line), "%v", err)
			continue
		}
		for _, i := range columns {
			if i < len(row) && strings.TrimSpace(row[i]) != "" {
				in.value(fmt.Sprintf("line %d", line), row[i], "")
			}
		}
	}
}

func (in *Indicators) json(b []byte) error {
	var doc struct {
		Type    string            `json:"type"`
		Objects []json.RawMessage `json:"objects"`
		Event   *mispEvent        `json:"Event"`
	}
	if b[0] == '[' {
		if err := json.Unmarshal(b, &doc.Objects); err != nil {
			return fmt.Errorf("the file is no right JSON: %w", err)
		}
	} else if err := json.Unmarshal(b, &doc); err != nil {
		return fmt.Errorf("the file is no right JSON: %w", err)
	}
	switch {
	case doc.Event != nil:
		in.Format = "misp"
		in.misp(doc.Event)
	case doc.Type == "bundle" || len(doc.Objects) > 0:
		in.Format = "stix"
		for _, o := range doc.Objects {
			in.stix(o)
		}
	case doc.Type == "indicator":
		in.Format = "stix"
		in.stix(b)
	default:
		return errors.New("the JSON is no STIX bundle and no MISP event")
	}
	return nil
}

func (in *Indicators) stix(raw json.RawMessage) {
	var o struct {
		Type, ID, Name, Pattern string
		PatternType             string `json:"pattern_type"`
		Value                   string
		Hashes                  map[string]string
		Revoked                 bool
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		in.problem("an object", "%v", err)
		return
	}
	switch o.Type {
	case "ipv4-addr", "ipv6-addr", "domain-name", "url", "email-addr":
		in.value(o.ID, o.Value, o.ID)
	case "file":
		for _, h := range o.Hashes {
			in.value(o.ID, h, o.ID)
		}
	case "indicator":
		name := o.Name
		if name == "" {
			name = o.ID
		}
		switch {
		case o.Revoked:
			in.problem(o.ID, "revoked")
		case o.PatternType != "" && o.PatternType != "stix":
			in.problem(o.ID, "a pattern of type %s is not applicable at the edge", o.PatternType)
		default:
			in.pattern(o.ID, name, o.Pattern)
		}
	}
}

// pathKinds are the object paths whose value is looked for in raw lines.
var pathKinds = map[string]bool{
	"ipv4-addr:value": true, "ipv6-addr:value": true, "domain-name:value": true, "url:value": true, "email-addr:value": true,
	"network-traffic:src_ref.value": true, "network-traffic:dst_ref.value": true,
}

func isHash(p pattern.Path) bool {
	return p.Type == "file" && len(p.Steps) == 2 && p.Steps[0].Key == "hashes"
}

func pathText(p pattern.Path) string {
	out := p.Type
	for i, s := range p.Steps {
		if i == 0 {
			out += ":" + s.Key
		} else {
			out += "." + s.Key
		}
	}
	return out
}

// pattern takes a STIX pattern: one comparison of a value is a value; several
// joined by AND or OR are asked as such; others cannot be answered by one event.
func (in *Indicators) pattern(where, name, text string) {
	e, err := pattern.Parse(text)
	if err == nil {
		err = e.Validate()
	}
	if err != nil {
		in.problem(where, "the pattern: %v", err)
		return
	}
	if !e.Single() {
		in.problem(where, "not applicable at the edge: the pattern needs several observations")
		return
	}
	list := e.Comparisons()
	var values []observable.Value
	for _, c := range list {
		if c.Not || c.Op != pattern.Equal && c.Op != pattern.In && c.Op != pattern.IsSubset || !pathKinds[pathText(c.Path)] && !isHash(c.Path) {
			continue
		}
		for _, v := range c.Values {
			if x, err := observable.Guess(v.Text); err == nil {
				values = append(values, x)
			}
		}
	}
	switch {
	case len(values) == 0:
		in.problem(where, "not applicable at the edge: no address, name, URL, mail or hash is asked for by its value")
	case len(list) == 1 && !strings.Contains(pathText(list[0].Path), "_ref"):
		for _, v := range values {
			in.Entries = append(in.Entries, Entry{v, name})
		}
	default:
		if len(text) > MaxText-len(PatternName) {
			in.problem(where, "the pattern is longer than %d bytes", MaxText-len(PatternName))
			return
		}
		in.Patterns = append(in.Patterns, Pattern{text, e})
		for _, v := range values {
			in.Entries = append(in.Entries, Entry{v, PatternName + text})
		}
	}
}

type mispAttribute struct {
	Type, Value, UUID, Comment string
	ToIDs                      *bool `json:"to_ids"`
}

type mispEvent struct {
	Info      string
	UUID      string
	Attribute []mispAttribute
	Object    []struct{ Attribute []mispAttribute }
}

// mispValues are the types that carry a value we look for; a composite has two
// values with a bar between them.
var mispValues = map[string]bool{
	"ip-src": true, "ip-dst": true, "domain": true, "hostname": true, "url": true, "uri": true, "link": false, "md5": true, "sha1": true, "sha256": true, "sha512": true,
	"email": true, "email-src": true, "email-dst": true, "ip-src|port": true, "ip-dst|port": true, "domain|ip": true, "hostname|port": true,
	"filename|md5": true, "filename|sha1": true, "filename|sha256": true, "filename|sha512": true, "malware-sample": true,
}

func (in *Indicators) misp(e *mispEvent) {
	take := func(a mispAttribute) {
		if a.ToIDs != nil && !*a.ToIDs || !mispValues[a.Type] {
			return
		}
		name := e.Info
		if name == "" {
			name = a.UUID
		}
		first, second, composite := strings.Cut(a.Value, "|")
		if !composite {
			in.value(a.UUID, a.Value, name)
			return
		}
		if strings.HasPrefix(a.Type, "filename|") || a.Type == "malware-sample" {
			in.value(a.UUID, second, name)
			return
		}
		in.value(a.UUID, first, name)
		if a.Type == "domain|ip" {
			in.value(a.UUID, second, name)
		}
	}
	for _, a := range e.Attribute {
		take(a)
	}
	for _, o := range e.Object {
		for _, a := range o.Attribute {
			take(a)
		}
	}
}
