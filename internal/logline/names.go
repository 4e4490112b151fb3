package logline

// names gives the string of a field's name without making it anew for each
// line: the keys of a product come in the same order again and again.
type names struct {
	next  [96]named // what stood at this place in the last record
	known map[string]named
}

// named is a name with the role that it has in the records of all products.
type named struct {
	name  string
	role  role
	plain bool // could be the key of a pair
}

// Names are kept up to these limits; what goes beyond, because somebody sends
// random keys, is made anew each time.
const (
	maxNames = 4096
	maxName  = 128
)

func (n *names) get(b []byte, place int) named {
	if place < len(n.next) && n.next[place].name == string(b) {
		return n.next[place]
	}
	s, ok := n.known[string(b)]
	if !ok {
		s = named{string(b), roleOf(string(b)), plainKey(b)}
		if len(b) <= maxName && len(n.known) < maxNames {
			if n.known == nil {
				n.known = map[string]named{}
			}
			n.known[s.name] = s
		}
	}
	if place < len(n.next) && len(s.name) <= maxName {
		n.next[place] = s
	}
	return s
}

func plainKey(b []byte) bool {
	for _, c := range b {
		if !keyByte[c] {
			return false
		}
	}
	return len(b) > 0 && len(b) < 64
}

// maxFields bounds the fields of a record; what follows is kept as one field
// with the name Rest.
const maxFields = 512

// Rest names the field that holds what was too much for fields of its own.
const Rest = "(rest)"

// field adds a named value and says whether there is room for more.
func (r *Reader) field(name, value []byte) bool {
	i := len(r.fields)
	if i < len(r.names.next) && i < cap(r.fields) && i < cap(r.roles) {
		if n := &r.names.next[i]; n.name == string(name) { // the usual case, kept short
			r.fields, r.roles = r.fields[:i+1], r.roles[:i+1]
			f := &r.fields[i]
			f.Name, f.Value = n.name, value
			r.roles[i] = n.role
			return true
		}
	}
	if i >= maxFields {
		return false
	}
	n := r.names.get(name, i)
	r.fields = append(r.fields, Field{n.name, value})
	r.roles = append(r.roles, n.role)
	return true
}

// add is field for a name known beforehand.
func (r *Reader) add(name string, value []byte) {
	if len(value) > 0 && len(r.fields) < maxFields {
		r.fields = append(r.fields, Field{name, value})
		r.roles = append(r.roles, noRole)
	}
}

// get gives the last value of a field of the record being read.
func (r *Reader) get(name string) []byte {
	for i := len(r.fields) - 1; i >= 0; i-- {
		if r.fields[i].Name == name {
			return r.fields[i].Value
		}
	}
	return nil
}

// getAny gives the first of several fields that is not empty.
func (r *Reader) getAny(list ...string) []byte {
	for _, n := range list {
		if v := r.get(n); len(v) > 0 {
			return v
		}
	}
	return nil
}

// has says whether the record has a field.
func (r *Reader) has(name string) bool {
	for i := range r.fields {
		if r.fields[i].Name == name {
			return true
		}
	}
	return false
}

// role gives the role of a name that is a string already.
func (n *names) role(s string) role {
	if k, ok := n.known[s]; ok {
		return k.role
	}
	return n.get([]byte(s), maxFields).role
}
