package detection

import (
	"bytes"
	"net/netip"
	"strconv"

	"filo/internal/logline"
	"filo/internal/sigma"
)

// categories are the log sources of our own rules, by what a line tells.
var categories = map[string]sigma.Logsource{
	logline.Login:       {Category: "authentication"},
	logline.InvalidUser: {Category: "authentication"},
	logline.Lockout:     {Category: "authentication"},
	logline.Request:     {Category: "webserver"},
	logline.Connect:     {Category: "firewall"},
	logline.Query:       {Category: "dns"},
	logline.Mail:        {Category: "mail"},
	logline.Command:     {Category: "command"},
	logline.Change:      {Category: "change"},
	logline.Alert:       {Category: "alert"},
	logline.Probe:       {Category: "probe"},
	logline.Other:       {Category: "other"},
}

// The names of an event's fields, one for all products, that our own rules use.
// request is path and query decoded twice, line the whole raw line.
const (
	fProduct   = "product"
	fAction    = "action"
	fOutcome   = "outcome"
	fSourceIP  = "source_ip"
	fSrcScope  = "source_scope"
	fDestIP    = "destination_ip"
	fDestPort  = "destination_port"
	fDestScope = "destination_scope"
	fUser      = "user"
	fMethod    = "method"
	fRequest   = "request"
	fStatus    = "status"
	fAgent     = "agent"
	fReferer   = "referer"
	fName      = "name"
	fThreat    = "threat"
	fLevel     = "level"
	fID        = "id"
	fChannel   = "channel"
	fDevice    = "device"
	fLine      = "line"
	fNamed     = "named"      // yes: a user is named
	fLongLabel = "long_label" // yes: the first label of a DNS name is 45 characters long or more
)

// fewValues are the fields that take few values: what rules say of events that
// differ in nothing else can be remembered.
var fewValues = map[string]bool{
	fProduct: true, fAction: true, fOutcome: true, fSrcScope: true, fDestScope: true, fDestPort: true, fMethod: true, fLevel: true,
	fChannel: true, fID: true, fNamed: true, fLongLabel: true,
}

// shape is an event without what takes many values.
type shape struct {
	product, action, outcome, level, channel, method string
	source, dest                                     string
	port, id                                         int
	named, long                                      bool
}

// maxShapes bounds what is remembered of what rules say.
const maxShapes = 4096

// maxShape is how long channel and method may be together: who writes the line may
// make them of any length, and each would be remembered.
const maxShape = 128

func longLabel(name []byte) bool { return len(name) >= 45 && bytes.IndexByte(name[:45], '.') < 0 }

// shaped gives what the rules said of an event of the same shape, or asks them.
func (g *Engine) shaped(m *matching, e *logline.Event, line []byte) ([]*sigma.Rule, bool) {
	var source, dest string
	if e.Source.IsValid() {
		source = g.convert.scope(e.Source)
	}
	port := 0
	if e.Action == logline.Connect {
		port = e.DestPort
		if e.Dest.IsValid() {
			dest = g.convert.scope(e.Dest)
		}
	}
	if len(e.Channel)+len(e.Method) > maxShape {
		ev, ok := g.convert.native(e, line)
		if !ok {
			return nil, false
		}
		return m.match.Match(ev, nil), true
	}
	named, long := len(e.User) > 0, e.Action == logline.Query && longLabel(e.Name)
	rules, ok := g.shapes[shape{e.Product, e.Action, e.Outcome, e.Level, string(e.Channel), string(e.Method), source, dest, port, e.ID, named, long}]
	if ok {
		return rules, true
	}
	ev, ok := g.convert.native(e, line)
	if !ok {
		return nil, false
	}
	rules = m.match.Match(ev, nil)
	if len(g.shapes) >= maxShapes {
		clear(g.shapes)
	}
	g.shapes[shape{e.Product, e.Action, e.Outcome, e.Level, string(e.Channel), string(e.Method), source, dest, port, e.ID, named, long}] = rules
	return rules, true
}

// converter makes what Sigma rules read out of what a line says. It keeps its
// memory from one event to the next.
type converter struct {
	ev   sigma.Event
	text []byte // of numbers and addresses
	req  []byte // of decoded requests
	own  []netip.Prefix

	agents map[string]bool // whether a program is of no interest
	clean  func(agent []byte) bool
}

// Inside and outside, as rules name where an address is.
const (
	inside  = "inside"
	outside = "outside"
)

func (c *converter) scope(a netip.Addr) string {
	if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return inside
	}
	for _, p := range c.own {
		if p.Contains(a) {
			return inside
		}
	}
	return outside
}

// native gives the event as our own rules read it; ok is false when no rule of
// ours is about such a line.
func (c *converter) native(e *logline.Event, line []byte) (ev *sigma.Event, ok bool) {
	src, ok := categories[e.Action]
	if !ok || e.Action == logline.Other && e.Outcome == "" && e.ID == 0 {
		return nil, false
	}
	src.Product = e.Product
	ev = &c.ev
	ev.Reset()
	ev.Source, ev.Time = src, e.Time
	c.text = c.text[:0]
	c.add(fProduct, e.Product)
	if e.Action == logline.Request {
		c.web(e, line)
		return ev, true
	}
	c.add(fAction, e.Action)
	c.add(fOutcome, e.Outcome)
	if e.Source.IsValid() {
		c.addr(fSourceIP, e.Source)
		c.add(fSrcScope, c.scope(e.Source))
	}
	if e.Action == logline.Connect {
		if e.Dest.IsValid() {
			c.addr(fDestIP, e.Dest)
			c.add(fDestScope, c.scope(e.Dest))
		}
		c.number(fDestPort, e.DestPort)
		return ev, true
	}
	if len(e.User) > 0 {
		c.bytes(fUser, e.User)
		c.add(fNamed, "yes")
	}
	c.bytes(fMethod, e.Method)
	c.bytes(fName, e.Name)
	if e.Action == logline.Query && longLabel(e.Name) {
		c.add(fLongLabel, "yes")
	}
	c.bytes(fThreat, e.Threat)
	c.add(fLevel, e.Level)
	c.bytes(fChannel, e.Channel)
	c.number(fID, e.ID)
	switch e.Action {
	case logline.Command, logline.Change, logline.Alert:
		c.bytes(fDevice, e.Device)
		c.bytes(fLine, line)
	case logline.Other:
		c.bytes(fDevice, e.Device)
	}
	return ev, true
}

func (c *converter) web(e *logline.Event, line []byte) {
	c.bytes(fMethod, e.Method)
	c.req = decode(c.req[:0], e.Path)
	c.bytes(fRequest, c.req)
	c.number(fStatus, e.Status)
	switch {
	case len(e.Agent) == 0 && e.Product != "web":
		c.bytes(fAgent, line[:min(len(line), 2048)]) // it stands somewhere in the line
	case !c.known(e.Agent):
		c.bytes(fAgent, e.Agent)
	}
	if bytes.IndexByte(e.Referer, '{') >= 0 {
		c.bytes(fReferer, e.Referer)
	}
}

// known reports whether no rule of ours is about a visitor's program. Rules about
// it stand by themselves, so that it is asked once.
func (c *converter) known(agent []byte) bool {
	if len(agent) == 0 {
		return true
	}
	clean, ok := c.agents[string(agent)]
	if ok {
		return clean
	}
	if len(c.agents) >= maxAgents {
		clear(c.agents)
	}
	clean = len(agent) <= 512 && c.clean(agent)
	if len(agent) <= 512 {
		c.agents[string(agent)] = clean
	}
	return clean
}

const maxAgents = 4096

func (c *converter) add(name, value string) {
	if value != "" {
		n := len(c.text)
		c.text = append(c.text, value...)
		c.ev.Add(name, c.text[n:])
	}
}

func (c *converter) bytes(name string, value []byte) {
	if len(value) > 0 {
		c.ev.Add(name, value)
	}
}

func (c *converter) addr(name string, a netip.Addr) {
	n := len(c.text)
	c.text = a.AppendTo(c.text)
	c.ev.Add(name, c.text[n:])
}

func (c *converter) number(name string, v int) {
	if v > 0 {
		n := len(c.text)
		c.text = strconv.AppendInt(c.text, int64(v), 10)
		c.ev.Fields = append(c.ev.Fields, sigma.Field{Name: name, Kind: sigma.Number, Value: c.text[n:]})
	}
}

// maxDecode is how many bytes of a request are decoded.
const maxDecode = 8 << 10

// decode undoes percent signs twice, since attackers encode twice, and plus signs
// once. A part that is no right encoding stays as it is.
func decode(out, path []byte) []byte {
	path = path[:min(len(path), maxDecode)]
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%':
			if d, n := escaped(path[i:]); n > 0 {
				c = d
				i += n - 1
				if c == '%' {
					if d, n := escaped(append([]byte{'%'}, path[i+1:min(i+3, len(path))]...)); n > 0 {
						c = d
						i += n - 1
					}
				}
			}
		}
		out = append(out, c)
	}
	return out
}

// escaped reads %41 and %u0041.
func escaped(b []byte) (byte, int) {
	if len(b) >= 3 {
		if hi, lo := unhex(b[1]), unhex(b[2]); hi < 16 && lo < 16 {
			return hi<<4 | lo, 3
		}
	}
	if len(b) >= 6 && b[1]|0x20 == 'u' && b[2] == '0' && b[3] == '0' {
		if hi, lo := unhex(b[4]), unhex(b[5]); hi < 16 && lo < 16 {
			return hi<<4 | lo, 6
		}
	}
	return 0, 0
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 16
}

// foreign gives the event as rules of others read it: under the product's own
// names, routed to the log source they are about. ok is false when no log source
// is known for it.
func (c *converter) foreign(e *logline.Event, line []byte, r *sigma.Router) (ev *sigma.Event, ok bool) {
	ev = &c.ev
	ev.Reset()
	c.text = c.text[:0]
	ev.Time = e.Time
	for _, f := range e.Fields {
		ev.Add(f.Name, f.Value)
	}
	if e.ID > 0 && e.Field("EventID") == nil {
		c.number("EventID", e.ID)
	}
	if len(e.Channel) > 0 && e.Field("Channel") == nil {
		c.bytes("Channel", e.Channel)
	}
	if e.Action == logline.Request {
		c.webFields(e)
		ev.Source = sigma.Logsource{Category: "webserver", Product: e.Product}
		return ev, true
	}
	if r.Route(ev) {
		return ev, true
	}
	if service, linux := linuxServices[e.Product]; linux {
		ev.Source = sigma.Logsource{Product: "linux", Service: service}
		c.bytes("message", line)
		return ev, true
	}
	ev.Source = sigma.Logsource{Product: e.Product, Category: categories[e.Action].Category}
	return ev, len(ev.Fields) > 0
}

// linuxServices are the services under which the public rules speak of products.
var linuxServices = map[string]string{
	"sshd": "sshd", "pam": "auth", "sudo": "sudo", "su": "auth", "auditd": "auditd", "cron": "cron", "vsftpd": "vsftpd", "clamav": "clamav", "syslog": "syslog",
}

// webFields names the parts of a request as the public rules do.
func (c *converter) webFields(e *logline.Event) {
	stem, query, _ := bytes.Cut(e.Path, []byte("?"))
	c.bytes("cs-method", e.Method)
	c.bytes("cs-uri-stem", stem)
	c.bytes("cs-uri-query", query)
	c.bytes("c-uri", e.Path)
	c.bytes("cs-uri", e.Path)
	c.bytes("cs-host", e.Host)
	c.bytes("cs-user-agent", e.Agent)
	c.bytes("c-useragent", e.Agent)
	c.bytes("cs-referer", e.Referer)
	c.bytes("cs-username", e.User)
	c.number("sc-status", e.Status)
	if e.Source.IsValid() {
		c.addr("c-ip", e.Source)
	}
}
