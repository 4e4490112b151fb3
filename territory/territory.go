// Package territory is the map on which filo runs: the national centre, the
// regional centres of the Polizia Postale with their provinces, every Comune,
// the in-house companies, and who looks after whose systems.
package territory

import (
	"context"
	"net/netip"
	"time"

	"filo/access"
	"filo/internal/clock"
	"filo/internal/ids"
)

// NationalCentre is the id of CNAIPIC, the national centre.
const NationalCentre ids.ID = "CNAIPIC"

// Centre is a centre of the Polizia Postale: CNAIPIC or a COSC. Its id is its
// acronym, such as COSC-SICILIA-OCC.
type Centre struct {
	ID         ids.ID
	Name       string // as people say it: "Polizia Postale, centro di Palermo"
	Seat       string
	SeatSeen   bool   // the seat was read in a public source
	Phone      string // the number to call, entered by the centre itself
	Regions    []string
	Provincial []string // siglas of its provinces
}

// Province is a province or metropolitan city, with the appeal-court district
// that its prosecutor's office follows. District is unverified unless Seen.
type Province struct {
	Sigla    string
	ISTAT    string
	Name     string
	Region   string
	Centre   ids.ID
	District string
	Seen     bool
}

// Section is a section (SOSC) of a centre, named after its province. What is
// told to filo always goes to the centre, day and night: a section may be closed.
type Section struct {
	Province string // sigla
	Centre   ids.ID
	Seat     string
	District bool // distrettuale: it works for a prosecutor's office of its own
	Seen     bool // read in a public source, not derived
}

// BodyKind says what kind of body takes part.
type BodyKind string

// The kinds of bodies. Consortia and unions of Comuni are members too.
const (
	Comune      BodyKind = "comune"
	InHouse     BodyKind = "inhouse"
	Association BodyKind = "associazione" // ANCI and its regional associations
	Consortium  BodyKind = "consorzio"
	Laboratory  BodyKind = "laboratorio"
)

// Body is one body (ente) of the territory. ID is ours and never changes;
// Belfiore is the natural key of a Comune; the ISTAT code is only valid today.
type Body struct {
	ID         ids.ID
	Kind       BodyKind
	Name       string // "San Donà di Piave"
	SecondName string // in German, Slovene, French or Ladin, where there is one
	Belfiore   string // codice catastale, such as C342
	ISTAT      string // dated: the code in force now
	IPA        string // codice IPA, such as c_c342
	Province   string // sigla
	Region     string
	Centre     ids.ID
	Population int
	PEC        string
	Until      clock.Day // the day it ceased, for merged Comuni
	Into       ids.ID    // the Comune it went into
	Active     bool      // somebody of it uses filo
}

// Network is a range of addresses that a body declared as its own.
type Network struct {
	ID     ids.ID
	Body   ids.ID
	Prefix netip.Prefix
	Note   string
	Added  time.Time
}

// Domain is a name that a body declared as its own.
type Domain struct {
	ID    ids.ID
	Body  ids.ID
	Name  string
	Added time.Time
}

// Contact is how to reach somebody of a body. Person is a role, not a name,
// where the body prefers so.
type Contact struct {
	ID       ids.ID
	Body     ids.ID
	Person   string
	Duty     string // "punto di contatto h24", "referente tecnico", "sindaco"...
	Channel  string // telefono, mail, pec, fisso
	Value    string
	Deputy   bool
	Verified time.Time // zero: never
}

// Holding is something a body declared to have or to run: a product, a
// supplier, a service to citizens.
type Holding struct {
	ID   ids.ID
	Body ids.ID
	Kind HoldingKind
	Name string
}

// HoldingKind says what a holding is.
type HoldingKind string

// The kinds of holdings.
const (
	Product  HoldingKind = "prodotto"
	Supplier HoldingKind = "fornitore"
	Service  HoldingKind = "servizio"
)

// Delegation lets an operator act for a body between two days.
type Delegation struct {
	ID       ids.ID
	Operator ids.ID
	Body     ids.ID
	Scope    string
	From     clock.Day
	Until    clock.Day // empty: until withdrawn
}

// Query asks for bodies. Empty fields do not restrict.
type Query struct {
	Text     string // words of the name, as people type them
	Centre   ids.ID
	Province string
	Active   bool
	Ended    bool   // also those that ceased
	After    string // cursor: name and id of the last row seen
	Limit    int    // at most 200
}

// Large is the number of inhabitants above which a Comune is protected directly.
const Large = 20_000

// Extent is how large a province is.
type Extent struct {
	Province string
	Comuni   int
	Large    int // Comuni with more than Large inhabitants
	People   int
}

// Store is what this package needs from the database. The map itself is public
// among signed-in people; what a body declared about itself is not.
type Store interface {
	// Do runs f in one transaction.
	Do(ctx context.Context, f func(ctx context.Context) error) error
	Centres(ctx context.Context, v access.Viewer) ([]Centre, error)
	// Centre fails with NotFound.
	Centre(ctx context.Context, v access.Viewer, id ids.ID) (Centre, error)
	Provinces(ctx context.Context, v access.Viewer) ([]Province, error)
	// Sections gives those of a centre; not all are known.
	Sections(ctx context.Context, v access.Viewer, centre ids.ID) ([]Section, error)
	PutSection(ctx context.Context, v access.Viewer, s Section) error
	// Body fails with NotFound.
	Body(ctx context.Context, v access.Viewer, id ids.ID) (Body, error)
	// Named gives bodies by id, those that there are.
	Named(ctx context.Context, v access.Viewer, list []ids.ID) (map[ids.ID]Body, error)
	// ByBelfiore fails with NotFound.
	ByBelfiore(ctx context.Context, v access.Viewer, code string) (Body, error)
	// Extents counts the Comuni of today and their people, by province.
	Extents(ctx context.Context, v access.Viewer) ([]Extent, error)
	// Bodies gives bodies by name; next is the cursor of the following page.
	Bodies(ctx context.Context, v access.Viewer, q Query) (list []Body, next string, err error)
	PutCentre(ctx context.Context, v access.Viewer, c Centre) error
	PutProvince(ctx context.Context, v access.Viewer, p Province) error
	// PutBodies inserts or replaces by id.
	PutBodies(ctx context.Context, v access.Viewer, list []Body) error

	Networks(ctx context.Context, v access.Viewer, body ids.ID) ([]Network, error)
	AddNetwork(ctx context.Context, v access.Viewer, n Network) error
	Domains(ctx context.Context, v access.Viewer, body ids.ID) ([]Domain, error)
	AddDomain(ctx context.Context, v access.Viewer, d Domain) error
	Contacts(ctx context.Context, v access.Viewer, body ids.ID) ([]Contact, error)
	PutContact(ctx context.Context, v access.Viewer, c Contact) error
	Holdings(ctx context.Context, v access.Viewer, body ids.ID) ([]Holding, error)
	AddHolding(ctx context.Context, v access.Viewer, h Holding) error
	// Remove deletes a declared network, domain, contact or holding of body.
	Remove(ctx context.Context, v access.Viewer, noun string, body, id ids.ID) error

	// Delegations gives those in which body is the operator or the delegating body.
	Delegations(ctx context.Context, v access.Viewer, body ids.ID) ([]Delegation, error)
	PutDelegation(ctx context.Context, v access.Viewer, d Delegation) error
	// Owner gives the body that declared the network with the longest prefix
	// around addr; it fails with NotFound.
	Owner(ctx context.Context, v access.Viewer, addr netip.Addr) (Body, error)
}
