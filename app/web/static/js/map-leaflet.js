// What Leaflet 1.9.4 gets wrong for us.

const { L } = window;

// Its redraw() takes the map's zoom as it is: at 12.5 it asks for tiles of zoom 12.5, which nobody has. This one goes the
// way of every other change of view, which rounds.
L.GridLayer.include({
  redraw() {
    if (this._map) {
      this._removeAllTiles();
      this._tileZoom = undefined;
      this._resetView();
    }
    return this;
  },
});
