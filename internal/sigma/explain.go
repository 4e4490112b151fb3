package sigma

import (
	"fmt"
	"strings"
)

// Verdict is one line of an explanation: a selection, or below it a field with
// what was asked of it.
type Verdict struct {
	Depth     int
	Selection string   // name, for the line of a selection
	Field     string   // with its modifiers, for the line of a field
	Asked     []string // the values of the rule, a few of them
	Found     []string // the values of the event; none when it lacks the field
	Missing   bool     // the event lacks the field
	Holds     bool
}

// Explanation says why an event matches a rule or does not.
type Explanation struct {
	Rule    *Rule
	Sees    bool // the rule is about events of this source
	Matches bool
	Lines   []Verdict
}

// maxShown is how many values a line of an explanation shows.
const maxShown = 8

// Explain says why an event matches a rule of the engine or does not. Every
// selection is answered, also those that do not decide.
func (m *Matcher) Explain(ev *Event, r *Rule) Explanation {
	out := Explanation{Rule: r}
	p := m.e.plan(ev.Source)
	for _, part := range p.parts {
		for i, x := range part.b.rules {
			if x != r {
				continue
			}
			out.Sees = true
			m.begin(&order{p: p}, ev)
			m.search()
			m.part = part
			out.Matches = m.holds(part.b.exprs[i])
			m.explain(part.b.exprs[i], 0, map[string]bool{}, &out)
			m.ev = nil
		}
	}
	return out
}

func (m *Matcher) explain(e *expr, depth int, seen map[string]bool, out *Explanation) {
	switch {
	case e.name != "":
		if seen[e.name] {
			return
		}
		seen[e.name] = true
		out.Lines = append(out.Lines, Verdict{Depth: depth, Selection: e.name, Holds: m.holds(e)})
		depth++
	case e.item != nil:
		out.Lines = append(out.Lines, m.verdict(e, depth))
		return
	}
	for _, k := range e.kids {
		m.explain(k, depth, seen, out)
	}
}

func (m *Matcher) verdict(e *expr, depth int) Verdict {
	v := Verdict{Depth: depth, Field: e.item.written(), Holds: m.holds(e)}
	if e.item.field == "" {
		v.Field = "any field|" + strings.Join(e.item.mods, "|")
		v.Field = strings.TrimSuffix(v.Field, "|")
	}
	for i, w := range e.item.values {
		if i == maxShown {
			v.Asked = append(v.Asked, fmt.Sprintf("and %d more", len(e.item.values)-i))
			break
		}
		text := w.text
		if w.null {
			text = "null"
		}
		v.Asked = append(v.Asked, text)
	}
	if e.item.field == "" {
		return v
	}
	field, ok := m.e.fields[e.item.field]
	v.Missing = true
	for i := range m.ev.Fields {
		if !ok || !m.named(i, field) {
			continue
		}
		v.Missing = false
		f := m.ev.Fields[i]
		switch {
		case len(v.Found) == maxShown:
		case f.Kind == Null:
			v.Found = append(v.Found, "null")
		default:
			v.Found = append(v.Found, strings.ToValidUTF8(string(f.Value[:min(len(f.Value), 512)]), "?"))
		}
	}
	return v
}

// String writes an explanation as lines of text.
func (x Explanation) String() string {
	var b strings.Builder
	word := "does not match"
	if x.Matches {
		word = "matches"
	}
	fmt.Fprintf(&b, "%s: %s (%s)\n", word, x.Rule.Title, x.Rule.Key())
	if !x.Sees {
		fmt.Fprintf(&b, "  the rule is about %s, and the event comes from elsewhere\n", x.Rule.Logsource)
	}
	for _, l := range x.Lines {
		mark := "no "
		if l.Holds {
			mark = "yes"
		}
		fmt.Fprintf(&b, "%s%s ", strings.Repeat("  ", l.Depth+1), mark)
		if l.Selection != "" {
			fmt.Fprintf(&b, "%s\n", l.Selection)
			continue
		}
		fmt.Fprintf(&b, "%s: %s", l.Field, strings.Join(l.Asked, " | "))
		if l.Missing {
			b.WriteString("; the event has no such field")
		} else if len(l.Found) > 0 {
			fmt.Fprintf(&b, "; the event has %q", l.Found)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
