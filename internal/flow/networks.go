package flow

import (
	"context"
	"slices"

	"filo/access"
	"filo/internal/ids"
)

// TellNetworks tells the agents of a body which networks are its own, unless
// they were told before: an attack that comes from one of them leaves from us.
func (f *Flow) TellNetworks(ctx context.Context, body ids.ID) error {
	list, err := f.Territory.Networks(ctx, access.AsSystem("reti per gli agenti"), body)
	if err != nil {
		return err
	}
	own := make([]string, len(list))
	for i, n := range list {
		own[i] = n.Prefix.String()
	}
	s, err := f.AgentStore.Settings(ctx, access.AsSystem("reti per gli agenti"), body)
	if err != nil || slices.Equal(s.Own, own) {
		return err
	}
	return f.Agents.Own(ctx, body, own)
}
