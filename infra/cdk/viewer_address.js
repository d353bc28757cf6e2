// Runs at CloudFront, for each request (CloudFront Developer Guide, "Event structure"): the client's
// address, as CloudFront sees it, takes the place of whatever the client itself has said.
function handler(event) {
    var request = event.request;
    request.headers['x-viewer-address'] = {value: event.viewer.ip};
    return request;
}
