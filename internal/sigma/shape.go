package sigma

import "strings"

// timeRank ranks the fields that tell when an event happened: the most exact
// wins.
var timeRank = map[string]int{
	"timestamp": 1, "@timestamp": 2, "EventTime": 3, "TimeCreated_SystemTime": 4, "UtcTime": 5,
}

// wrappings are what shippers put around the names of Windows events, the
// longer first.
var wrappings = []string{
	"Event.EventData.", "Event.UserData.", "Event.System.", "winlog.event_data.", "winlog.user_data.", "winlog.",
	"EventData.", "UserData.", "System.", "event_data.",
}

// renamed are the header fields of an event under the names that rules use.
var renamed = map[string]string{
	"event_id": "EventID", "winlog.event_id": "EventID", "EventID.#text": "EventID", "EventID.Value": "EventID", "EventId": "EventID",
	"winlog.channel": "Channel", "channel": "Channel", "log_name": "Channel",
	"winlog.provider_name": "Provider_Name", "provider_name": "Provider_Name", "source_name": "Provider_Name",
	"winlog.computer_name": "Computer", "computer_name": "Computer", "Hostname": "Computer",
	"winlog.record_id": "EventRecordID", "record_id": "EventRecordID", "record_number": "EventRecordID",
	"winlog.process.pid": "Execution_ProcessID", "winlog.process.thread.id": "Execution_ThreadID",
}

// bare takes the wrapping off a path and gives the name that rules use; the
// attributes of a header element follow it behind an underscore.
func bare(path string) string {
	if n, ok := renamed[path]; ok {
		return n
	}
	name := path
	for _, w := range wrappings {
		if rest, ok := strings.CutPrefix(path, w); ok && rest != "" {
			name = rest
			break
		}
	}
	if name == path {
		return path
	}
	for _, mark := range []string{".#attributes.", ".@", "_attributes."} {
		if head, attr, ok := strings.Cut(name, mark); ok {
			return head + "_" + attr
		}
	}
	name = strings.TrimSuffix(name, ".#text")
	if n, ok := renamed[name]; ok {
		return n
	}
	return name
}
