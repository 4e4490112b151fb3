package sigma

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed routing.yml
var routingData []byte

//go:embed mapping.yml
var mappingData []byte

// Mapping says how sources call the fields that rules ask for, and which
// categories lie within others.
type Mapping struct {
	fields []fieldMap
	wider  map[string][]string // category → those it lies within
}

// fieldMap renames fields of some sources: the name in the event → those that
// rules use for it.
type fieldMap struct {
	source Logsource
	names  map[string][]string
}

// DefaultMapping is the mapping that comes with the program.
var DefaultMapping = sync.OnceValues(func() (*Mapping, error) { return ReadMapping(mappingData) })

// ReadMapping reads a mapping: "wider" gives to a category those it lies
// within, "fields" a list of sources with, for each field of rules, its names
// in events.
func ReadMapping(data []byte) (*Mapping, error) {
	var raw struct {
		Wider  map[string][]string
		Fields []struct {
			Product, Category, Service string
			Names                      map[string][]string
		}
	}
	if err := yaml.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("field mapping: %w", err)
	}
	m := &Mapping{wider: raw.Wider}
	for _, f := range raw.Fields {
		fm := fieldMap{Logsource{f.Product, f.Category, f.Service}, map[string][]string{}}
		for rule, events := range f.Names {
			for _, e := range events {
				fm.names[e] = append(fm.names[e], rule)
			}
		}
		for _, rules := range fm.names {
			slices.Sort(rules)
		}
		m.fields = append(m.fields, fm)
	}
	return m, nil
}

func (m *Mapping) within(category, wider string) bool {
	return m != nil && category != "" && slices.Contains(m.wider[category], wider)
}

// names gives all names under which rules may ask for a field of a source, its
// own first. A name with blanks is also known without them.
func (m *Mapping) names(s Logsource, field string) []string {
	out := []string{field}
	add := func(n string) {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	if strings.Contains(field, " ") {
		add(strings.ReplaceAll(field, " ", ""))
	}
	if m == nil {
		return out
	}
	for _, f := range m.fields {
		if !f.source.feeds(s, m) {
			continue
		}
		for _, n := range f.names[field] {
			add(n)
		}
	}
	return out
}

// Router says which source an event comes from. Several goroutines may use it.
type Router struct {
	channels  map[string]*channel // in lower case
	providers map[string]*channel
	products  map[string]Logsource

	mu       sync.Mutex
	unmapped map[string]uint64
}

type channel struct {
	source Logsource
	events map[string]string // number → category
}

// maxUnmapped is how many unknown channels are counted by name.
const maxUnmapped = 1000

// NewRouter makes a router with the routing that comes with the program.
func NewRouter() (*Router, error) { return ReadRouting(routingData) }

// ReadRouting makes a router of routing data.
func ReadRouting(data []byte) (*Router, error) {
	type entry struct {
		Product, Category, Service string
		Channel, Provider, Log     []string
		Events                     map[string]string
	}
	var raw struct {
		Windows  []entry
		Products []entry
	}
	if err := yaml.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("routing: %w", err)
	}
	r := &Router{channels: map[string]*channel{}, providers: map[string]*channel{}, products: map[string]Logsource{}, unmapped: map[string]uint64{}}
	for _, e := range raw.Windows {
		c := &channel{source: Logsource{cmp.Or(e.Product, "windows"), e.Category, e.Service}, events: map[string]string{}}
		for numbers, category := range e.Events {
			for _, n := range strings.Split(numbers, ",") {
				if _, err := strconv.Atoi(strings.TrimSpace(n)); err != nil {
					return nil, fmt.Errorf("routing: %q among the events of %s is not a number", n, e.Service)
				}
				c.events[strings.TrimSpace(n)] = category
			}
		}
		for _, name := range e.Channel {
			r.channels[strings.ToLower(name)] = c
		}
		for _, name := range e.Provider {
			r.providers[strings.ToLower(name)] = c
		}
	}
	for _, e := range raw.Products {
		for _, name := range e.Log {
			r.products[strings.ToLower(name)] = Logsource{e.Product, e.Category, e.Service}
		}
	}
	return r, nil
}

// Route sets the source of an event from its channel and number, or from the
// product that read it. ok is false for a source that the data do not know: it
// is counted, and rules without a source still see the event.
func (r *Router) Route(ev *Event) (ok bool) {
	var name, provider, id, product []byte
	for i := range ev.Fields {
		switch f := &ev.Fields[i]; f.Name {
		case "Channel":
			name = f.Value
		case "Provider_Name", "SourceName":
			provider = f.Value
		case "EventID":
			id = f.Value
		case "product":
			product = f.Value
		}
	}
	var buf [96]byte
	c := r.channels[string(fold(buf[:0], name))]
	if c == nil {
		c = r.providers[string(fold(buf[:0], provider))]
	}
	if c != nil {
		ev.Source = c.source
		if category := c.events[string(id)]; category != "" {
			ev.Source.Category = category
		}
		return true
	}
	if s, known := r.products[string(fold(buf[:0], product))]; known && len(product) > 0 {
		ev.Source = s
		return true
	}
	if len(name) > 0 {
		ev.Source = Logsource{Product: "windows"}
	}
	r.miss(name, provider, product)
	return false
}

func (r *Router) miss(names ...[]byte) {
	key := "(no channel)"
	for _, n := range names {
		if len(n) > 0 {
			key = strings.ToValidUTF8(string(n[:min(len(n), 120)]), "?")
			break
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.unmapped[key]; !known && len(r.unmapped) >= maxUnmapped {
		key = "(others)"
	}
	r.unmapped[key]++
}

// Unmapped gives how many events came from each channel that the routing does
// not know.
func (r *Router) Unmapped() map[string]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[string]uint64, len(r.unmapped))
	for k, v := range r.unmapped {
		out[k] = v
	}
	return out
}

// Sources gives every source that the routing can decide, for a host that
// records them all.
func (r *Router) Sources() []Logsource {
	seen := map[Logsource]bool{}
	var out []Logsource
	add := func(s Logsource) {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	for _, m := range []map[string]*channel{r.channels, r.providers} {
		for _, c := range m {
			add(c.source)
			for _, category := range c.events {
				s := c.source
				s.Category = category
				add(s)
			}
		}
	}
	for _, s := range r.products {
		add(s)
	}
	slices.SortFunc(out, func(a, b Logsource) int { return strings.Compare(a.String(), b.String()) })
	return out
}
