// Package all is the list of channel drivers. A new channel is a folder beside it and one line here.
package all

import (
	"gatehouse/channels"
	"gatehouse/channels/instagram"
	"gatehouse/channels/webchat"
	"gatehouse/channels/whatsapp"
)

// Drivers are the channels of this build, in the order in which people are offered them.
func Drivers() []channels.Driver {
	return []channels.Driver{
		whatsapp.Driver(),
		instagram.Driver(),
		webchat.Driver(),
	}
}
